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
/** A follow-up such as "and where is it called?" lives on the question before. */
const ENOUGH_WEIGHT = 2;
const REFERS_BACK = /\b(it|its|that|this|they|them|those|these|there|and|also|else|same|more)\b/i;

/**
 * What the investigator does next, decided from the conversation alone: search, look at the best files, or, where nothing
 * was found, at the project's front page, and then answer. No call is made twice in a turn, so it always comes to an end.
 *
 * @param tools those that may be called now: none when the request says `tool_choice: "none"`
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

/** In the order of preference; the first that can be done and was not done yet is next. */
function options({ question, terms, ranked, evidence }: Seen): Call[][] {
  if (evidence.calls.some((call) => call.name === "view_file")) return [];
  if (ranked.length > 0) return [views(ranked)];
  const everywhere = asksFor("test", question) || asksFor("doc", question) || asksFor("example", question);
  const first = searches(terms, everywhere);
  const second = [...searches(terms, true), ...frontDoor()];
  return [first, second, frontPages(evidence.entries ?? [])];
}

function frontDoor(): Call[] {
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
