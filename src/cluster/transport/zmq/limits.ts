/** Every limit of a mesh: unit, default, reason. Nodes of a cluster should agree on them; what has to agree is said. */
export interface MeshLimits {
  /** A connection on which nothing was sent for so long sends a beat: shows that the node's main thread still runs. */
  readonly heartbeatMs: number;
  /** A peer of which nothing was heard for so long is down; noticed at the next heartbeat. A stop-the-world pause should not reach it. */
  readonly peerTimeoutMs: number;
  /** An endpoint that has not answered for so long is dialled anew. */
  readonly handshakeTimeoutMs: number;
  /** Between the attempts to connect to an endpoint where nobody listens: the first, and doubled up to the last. */
  readonly reconnectMsMin: number;
  readonly reconnectMsMax: number;
  /** What one ZeroMQ message may hold, in bytes. A peer that sends more is cut off by ZeroMQ before memory is taken: all must agree. */
  readonly frameBytesMax: number;
  /** Envelopes that wait are sent when they have so many bytes, about: a longer frame delays what comes behind it. */
  readonly frameBytesTarget: number;
  /** Envelopes in one frame: more gain nothing, and hold up the receiver's loop. */
  readonly envelopesPerFrameMax: number;
  /** Frames to one peer that are not acknowledged; as many may come early: all must agree. */
  readonly framesUnderWayMax: number;
  /** Frames that are held for one peer; from half of it the link is congested. Beyond, the peer is given up. */
  readonly framesHeldMax: number;
  /** Bytes that are held for one peer. Beyond, the peer is given up. Above `frameBytesMax`, for what is sent without waiting for room. */
  readonly bytesHeldMax: number;
  /** From so many bytes on the link is congested, until half of them are acknowledged. More than a fast network has under way. */
  readonly bytesCongested: number;
  /** An acknowledgement waits so long for a frame to travel with. */
  readonly acknowledgeMsMax: number;
  /** Until frames are sent again without a new connection; doubled each time up to `resendMsMax`. A new connection does so at once. */
  readonly resendMsMin: number;
  readonly resendMsMax: number;
  /** Peers that are up, or down and not forgotten; more are refused with `Overloaded`. Each may hold `bytesHeldMax`. */
  readonly peersMax: number;
  /** A peer that is down is remembered for so long: if it comes back, nothing is lost. */
  readonly peerKeptMs: number;
  /** Messages are taken from a socket for so long, or so many, before timers and other sockets have their turn. */
  readonly turnMsMax: number;
  readonly turnMessagesMax: number;
}

const mebibyte = 2 ** 20;

export const meshLimitsDefault: MeshLimits = {
  heartbeatMs: 1_000,
  peerTimeoutMs: 5_000,
  handshakeTimeoutMs: 2_000,
  reconnectMsMin: 50,
  reconnectMsMax: 1_000,
  frameBytesMax: 64 * mebibyte,
  frameBytesTarget: 256 * 1024,
  envelopesPerFrameMax: 256,
  framesUnderWayMax: 256,
  framesHeldMax: 4_096,
  bytesHeldMax: 256 * mebibyte,
  bytesCongested: 16 * mebibyte,
  acknowledgeMsMax: 20,
  resendMsMin: 1_000,
  resendMsMax: 5_000,
  peersMax: 1_024,
  peerKeptMs: 60_000,
  turnMsMax: 5,
  turnMessagesMax: 128,
};
