/**
 * What two links send each other: a frame, or nothing, and always how far the other's frames have come.
 *
 *     ┌──────┬────┬──────────┬──────────┬───────┐
 *     │ from │ to │ received │ sequence │ frame │
 *     └──────┴────┴──────────┴──────────┴───────┘
 *
 * What a frame (`F`) is does not matter here.
 */
export interface Packet<F = Uint8Array> {
  /** The sender's incarnation. */
  readonly from: number;
  /** The incarnation that it is meant for; 0 while the sender does not know its peer: such a packet carries no frame. */
  readonly to: number;
  /** All frames of the receiver up to this number have been delivered here; 0: none. */
  readonly received: number;
  /** The frame's number, from 1; 0: the packet carries none. */
  readonly sequence: number;
  readonly frame: F | null;
}
