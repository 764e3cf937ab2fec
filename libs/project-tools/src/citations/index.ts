export { type Candidate, findCitations } from "./find-citations.ts";
export type { Cited } from "./find-move.ts";
export { findQuotes } from "./find-quotes.ts";
export { hashLines } from "./hash-lines.ts";
export type { Judged, ShownLines } from "./judge-citations.ts";
export { type FoundCitation, namesOf, resolveCitations } from "./resolve-citations.ts";
export { type Showing, shownLines } from "./shown-lines.ts";
