/** The table that events are joined with: which campaign an advertisement belongs to. Small, so every executor has all of it. */
const campaigns = 100;
const adsPerCampaign = 10;

export const ads = campaigns * adsPerCampaign;

/** By advertisement. Neighbours belong to different campaigns. */
export const campaignOf: ReadonlyMap<number, number> = new Map(Array.from({ length: ads }, (_, ad) => [ad, ad % campaigns]));
