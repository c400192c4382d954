/** What has passed through a mesh, or to and from one of its peers: since the start. */
export interface MeshCounters {
  framesSent: number;
  framesReceived: number;
  envelopesSent: number;
  envelopesReceived: number;
  /** Of frames with their headers; not what ZeroMQ and TCP add. */
  bytesSent: number;
  bytesReceived: number;
  /** Messages and frames that are not of this protocol. */
  malformed: number;
  /** Of this protocol, but from nobody who has said who he is. */
  unknown: number;
  /** Handshakes that were refused. */
  refused: number;
  /** Packets that did not leave, as there was no connection, or too many waited for it: the link sends their frames again. */
  dropped: number;
  /** Envelopes and frames that were held for a peer that is no more. */
  envelopesLost: number;
  framesLost: number;
}

export function createCounters(): MeshCounters {
  return {
    framesSent: 0,
    framesReceived: 0,
    envelopesSent: 0,
    envelopesReceived: 0,
    bytesSent: 0,
    bytesReceived: 0,
    malformed: 0,
    unknown: 0,
    refused: 0,
    dropped: 0,
    envelopesLost: 0,
    framesLost: 0,
  };
}
