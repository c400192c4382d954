/** The peers. Imported from here, because packages are looked for beside the module that imports them. */
export const packages = {
  tinypool: () => import('tinypool'),
  piscina: () => import('piscina'),
};
