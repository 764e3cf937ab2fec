import { type ChatMessage, type OfferedTool, textOf } from "../chat-request.ts";
import { withoutDirectives } from "../directive.ts";
import { answer } from "./answer.ts";
import { type Evidence, gatherEvidence } from "./evidence.ts";
import { asksFor } from "./file-kind.ts";
import { type RankedFile, rankFiles } from "./rank.ts";
import { type Call, fitToOffer, searches, view, views } from "./searches.ts";
import { findTerms, type Term } from "./terms.ts";

export type Move = { toolCalls: Call[] } | { text: string };

const MAX_ROUNDS = 4;
/** A follow-up such as "and where is it called?" with terms below this weight also uses the terms of earlier questions. */
const ENOUGH_WEIGHT = 2;
const REFERS_BACK = /\b(it|its|that|this|they|them|those|these|there|and|also|else|same|more)\b/i;

/**
 * Decides the investigator's next move from the conversation alone: search, view the best files (or the project's README when
 * nothing was found), then answer. No call is repeated within a turn, so every turn ends.
 *
 * @param tools the tools that may be called now: none when the request has `tool_choice: "none"`
 */
export function nextMove(messages: ChatMessage[], tools: OfferedTool[]): Move {
  const { question, terms } = readQuestions(messages);
  const evidence = gatherEvidence(messages);
  const ranked = rankFiles({ question, terms, hits: evidence.hits, paths: evidence.paths });
  if (evidence.rounds < MAX_ROUNDS) {
    for (const calls of options({ question, terms, ranked, evidence })) {
      const fresh = fitToOffer(calls, tools).filter((call) => !alreadyMade(call, evidence));
      if (fresh.length > 0) return { toolCalls: fresh };
    }
  }
  return { text: answer(terms, ranked, evidence) };
}

interface Seen {
  question: string;
  terms: Term[];
  ranked: RankedFile[];
  evidence: Evidence;
}

/** The possible moves in order of preference. The next move is the first with calls that are offered and not yet made. */
function options({ question, terms, ranked, evidence }: Seen): Call[][] {
  if (evidence.calls.some((call) => call.name === "view_file")) return [];
  if (ranked.length > 0) return [views(ranked)];
  const everywhere = asksFor("test", question) || asksFor("doc", question) || asksFor("example", question);
  const first = searches(terms, everywhere);
  const second = [...searches(terms, true), ...listRoot()];
  return [first, second, frontPages(evidence.entries ?? [])];
}

function listRoot(): Call[] {
  return [{ name: "list_dir", input: { path: "." } }];
}

function frontPages(entries: string[]): Call[] {
  const pages = [/^readme(\.\w+)?$/i, /^(package\.json|pyproject\.toml|cargo\.toml|go\.mod)$/i];
  const found = pages.flatMap((page) => entries.find((entry) => page.test(entry)) ?? []);
  return found.map((path) => view(path, 1, 60));
}

function readQuestions(messages: ChatMessage[]): { question: string; terms: Term[] } {
  const questions = messages.filter((message) => message.role === "user").map((m) => withoutDirectives(textOf(m)));
  const question = questions.at(-1) ?? "";
  let terms = findTerms(question);
  if (!REFERS_BACK.test(question)) return { question, terms };
  for (const earlier of questions.slice(0, -1).reverse()) {
    if (terms.reduce((sum, term) => sum + term.weight, 0) >= ENOUGH_WEIGHT) break;
    const known = new Set(terms.map((term) => term.needle.toLowerCase()));
    terms = [...findTerms(earlier).filter((term) => !known.has(term.needle.toLowerCase())), ...terms].slice(0, 6);
  }
  return { question, terms };
}

function alreadyMade(call: Call, { calls }: Evidence): boolean {
  const text = JSON.stringify(call.input);
  return calls.some((made) => made.name === call.name && JSON.stringify(made.input) === text);
}
