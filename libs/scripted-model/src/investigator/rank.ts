import { definitionIn, isComment, isImport } from "./definition.ts";
import { fileWorth } from "./file-kind.ts";
import type { Term } from "./terms.ts";
import type { Hit } from "./tool-output.ts";

export interface RankedHit extends Hit {
  score: number;
  /** The name that the line defines, if it contains a term. */
  defines: string | null;
  /** The terms that the line contains. */
  terms: Term[];
}

export interface RankedFile {
  path: string;
  score: number;
  /** Best first; empty when only the file's name matches. */
  hits: RankedHit[];
}

/** A question about uses rather than about a definition. */
const USES = /\b(calls?|called|callers?|uses|used|usages?|invok\w+|references?|referenced)\b/i;

interface Found {
  question: string;
  terms: Term[];
  hits: Hit[];
  paths: string[];
}

/**
 * Ranks the files by how likely they contain the answer, best first. A definition counts more than a mention, a rare term more
 * than a frequent one, several terms more than one, and source code more than tests and documents.
 */
export function rankFiles({ question, terms, hits, paths }: Found): RankedFile[] {
  const rarity = new Map(terms.map((term) => [term, 1 / Math.log2(2 + filesWith(term, hits))]));
  const weight = (term: Term) => term.weight * (rarity.get(term) ?? 1);
  const wantsUses = USES.test(question);
  const files = new Map<string, Hit[]>();
  for (const path of paths) files.set(path, []);
  for (const hit of hits) files.set(hit.path, [...(files.get(hit.path) ?? []), hit]);

  return [...files]
    .map(([path, found]) => {
      const worth = fileWorth(path, question);
      const ranked = found
        .map((hit) => rankHit(hit, terms, weight, wantsUses))
        .map((hit) => ({ ...hit, score: hit.score * worth }))
        .sort((a, b) => b.score - a.score || a.line - b.line);
      const covered = terms.filter((term) => found.some((hit) => contains(hit.text, term)));
      const coverage = covered.reduce((sum, term) => sum + weight(term), 0);
      const name = terms.reduce((sum, term) => sum + nameScore(path, term), 0);
      const score = (ranked[0]?.score ?? 0) + (0.7 * coverage + name) * worth;
      return { path, score, hits: ranked };
    })
    .filter((file) => file.score > 0)
    .sort((a, b) => b.score - a.score || a.path.localeCompare(b.path));
}

function rankHit(hit: Hit, terms: Term[], weight: (term: Term) => number, wantsUses: boolean): RankedHit {
  const inside = terms.filter((term) => contains(hit.text, term));
  const mentions = inside.reduce((sum, term) => sum + weight(term), 0);
  const definition = definitionIn(hit.text);
  const repelled = wantsUses && terms.some((term) => contains(definition?.name ?? "", lastPart(term))) ? 0.3 : 1;
  const named = definition && !wantsUses ? terms.filter((term) => contains(definition.name, lastPart(term))) : [];
  const bonus = named.reduce((sum, term) => sum + weight(term) * (exactly(definition?.name, term) ? 3 : 1.5), 0);
  const dampening = isImport(hit.text) ? 0.3 : isComment(hit.text) ? 0.6 : 1;
  return {
    ...hit,
    terms: [...new Set([...inside, ...named])],
    score: mentions * dampening * repelled + bonus * (definition?.weight ?? 0),
    defines: named.length > 0 && (definition?.weight ?? 0) >= 0.5 ? (definition?.name ?? null) : null,
  };
}

function contains(text: string, term: Pick<Term, "needle">): boolean {
  return text.toLowerCase().includes(term.needle.toLowerCase());
}

/** A line that defines `app.use` may name only `use`. */
function lastPart(term: Term): Pick<Term, "needle"> {
  return term.kind === "identifier" ? { needle: term.needle.split(".").at(-1) || term.needle } : term;
}

function exactly(name: string | undefined, term: Term): boolean {
  const wanted = term.kind === "word" ? term.text : lastPart(term).needle;
  return name?.toLowerCase() === wanted.toLowerCase();
}

function filesWith(term: Term, hits: Hit[]): number {
  return new Set(hits.filter((hit) => contains(hit.text, term)).map((hit) => hit.path)).size;
}

function nameScore(path: string, term: Term): number {
  if (term.kind === "file") return path === term.needle || path.endsWith(`/${term.needle}`) ? 12 : 0;
  const base = (path.split("/").at(-1) ?? path).toLowerCase();
  if (!contains(base, term)) return 0;
  return term.weight * (base.replace(/\.\w+$/, "") === term.text.toLowerCase() ? 1 : 0.5);
}
