/** The end of a page. Servers of an earlier version state nothing: their lists are whole. */
interface Page {
  has_more?: boolean;
  next_before?: string | null;
}

/** Reads page after page until the last. A server that stays at one place ends it, too. */
export async function* readPages<P extends Page>(read: (before?: string) => Promise<P>): AsyncGenerator<P, void> {
  for (let before: string | undefined; ; ) {
    const page = await read(before);
    yield page;
    const next = page.has_more ? (page.next_before ?? undefined) : undefined;
    if (next === undefined || next === before) return;
    before = next;
  }
}

interface Used {
  id: string;
  updated_at: string;
}

/** How often a list is read again from its beginning. */
const MOST_PASSES = 5;

/**
 * Collects a list whose first page has what was used last. What is used during the reading moves to the first page and would be
 * missed, so a list of several pages is read again from its beginning, until what was known before.
 */
export async function collectNewestFirst<T extends Used>(pages: () => AsyncIterable<readonly T[]>): Promise<T[]> {
  const found = new Map<string, T>();
  let newest: string | null = null;
  for (let pass = 0; pass < MOST_PASSES; pass += 1) {
    const known: string | null = newest;
    let count = 0;
    for await (const page of pages()) {
      count += 1;
      for (const one of page) {
        found.set(one.id, one);
        if (newest === null || one.updated_at > newest) newest = one.updated_at;
      }
      if (known !== null && page.some((one) => one.updated_at < known)) break;
    }
    if (newest === known || (pass === 0 && count === 1)) break;
  }
  return [...found.values()].sort((a, b) => b.updated_at.localeCompare(a.updated_at) || a.id.localeCompare(b.id));
}
