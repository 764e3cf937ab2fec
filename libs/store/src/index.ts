export { Forbidden, lockSession } from "./access.ts";
export { cancelRevokedTurns } from "./accounts/cancel-revoked.ts";
export * from "./accounts/change-user.ts";
export { findEndedCredentials, readCredentials } from "./accounts/credential.ts";
export * from "./accounts/grants.ts";
export * from "./accounts/identities.ts";
export * from "./accounts/tokens.ts";
export * from "./accounts/users.ts";
export * from "./audit.ts";
export * from "./cancel-turns.ts";
export type { Change } from "./changes.ts";
export * from "./claim-turn.ts";
export * from "./conversation.ts";
export * from "./database-state.ts";
export * from "./end-turn.ts";
export * from "./ended-access.ts";
export { openSessionExport, type SessionExport } from "./export-session.ts";
export { type ForkOutcome, forkSession, type NewFork } from "./forks/fork-session.ts";
export {
  forgetOldIdempotencyKeys,
  type IdempotencyKey,
  IdempotencyKeyReused,
} from "./idempotency.ts";
export * from "./lifecycle/delete-old-sessions.ts";
export * from "./lifecycle/delete-project.ts";
export * from "./lifecycle/export-user.ts";
export * from "./lifecycle/purge.ts";
export {
  type Asker,
  addStorageChanges,
  type Counts,
  type DayCounts,
  type Exceeded,
  findExceeded,
  type MostRunning,
  QuotaExceeded,
  readCounts,
} from "./limits.ts";
export { listAllSessions } from "./list-all-sessions.ts";
export * from "./list-messages.ts";
export * from "./live-turns.ts";
export * from "./messages.ts";
export * from "./positions.ts";
export { createProject, findProject, listProjects, renameProject } from "./projects.ts";
export * from "./queueing/edit-question.ts";
export * from "./queueing/post-message.ts";
export type { QueuedTurn, TurnRefusal } from "./queueing/queue-turn.ts";
export * from "./queueing/regenerate-answer.ts";
export { type CitationShowings, readCitationShowings, readShowings } from "./read-showings.ts";
export * from "./read-usage.ts";
export * from "./reconcile-turns.ts";
export * from "./save-drafts.ts";
export * from "./search/index-texts.ts";
export { searchProjects } from "./search/search-projects.ts";
export { type Search, searchTexts } from "./search/search-texts.ts";
export * from "./sessions.ts";
export * from "./shares/create-share.ts";
export { listOwnShares, listShares } from "./shares/list-shares.ts";
export { readShare } from "./shares/read-share.ts";
export { type ListVersion, type ListVersions, readListParts, readListVersions } from "./sharing/list-versions.ts";
export * from "./sharing/members.ts";
export * from "./sql.ts";
export * from "./waiting-turns.ts";
export * from "./write-steps.ts";
