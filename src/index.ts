/** What a user can import. The runtime's own parts are not among it. */
export * from './api/definitions.ts';
export { connect } from './api/connect.ts';
export { startLocal } from './api/start-local.ts';
