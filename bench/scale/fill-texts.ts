import { randomUUID } from "node:crypto";
import type { Postgres } from "@boocode/runtime";
import { createProject, createUser } from "@boocode/store";
import { createRandom } from "../citations/random.ts";

/** A user whose sessions hold texts to search. */
export interface Searcher {
  userId: string;
  projectIds: string[];
}

const TEXTS = 2_000;
const WORDS = 20_000;
const WORDS_PER_TEXT = 110;

/**
 * Adds a user with questions and answers, 20 in a session. Their words have the frequencies of natural language (Zipf), and each has an
 * identifier and a path of its own; one in fifty has Chinese. The triggers queue them for the search.
 */
export async function fillTexts(sql: Postgres, messages: number, projects: number, seed: number): Promise<Searcher> {
  const random = createRandom(seed);
  const userId = randomUUID();
  await createUser(sql, { id: userId, name: userId });
  const projectIds: string[] = [];
  for (let at = 0; at < projects; at++) {
    const id = randomUUID();
    projectIds.push(id);
    await createProject(sql, { id, ownerId: userId, name: `project ${at}`, path: "/tmp" });
  }
  const word = () => `w${Math.floor(WORDS ** (random.int(0, 1_000_000) / 1_000_000)).toString(36)}`;
  const texts = Array.from({ length: TEXTS }, () => Array.from({ length: WORDS_PER_TEXT }, word).join(" "));
  await sql`
    with s as (
      insert into sessions (id, project_id, owner_id, name, last_ordinal, created_at, updated_at)
      select gen_random_uuid(), (${projectIds}::uuid[])[1 + n % ${projects}::int], ${userId}, 'session ' || n, 10,
        now() - n * interval '10 minutes', now() - n * interval '10 minutes'
      from generate_series(1, ${Math.ceil(messages / 20)}::int) n returning *
    ), t as (
      insert into turns (id, session_id, owner_id, ordinal, status, created_at)
      select gen_random_uuid(), s.id, s.owner_id, o, 'complete', s.created_at + o * interval '30 seconds'
      from s, generate_series(1, 10) o returning *
    )
    insert into messages (id, session_id, owner_id, turn_id, turn_ordinal, position, role, content, created_at)
    select gen_random_uuid(), session_id, owner_id, id, ordinal, p, case p when 0 then 'user' else 'assistant' end,
      (${texts}::text[])[1 + floor(random() * ${TEXTS}::int)::int] || ' handle' || initcap(substr(md5(random()::text), 1, 8))
        || ' src/part' || floor(random() * 400) || '/file' || floor(random() * 5000) || '.ts'
        || case when random() < 0.02 then ' 全文検索の機能は' || chr(19968 + floor(random() * 5000)::int) || 'です' else '' end,
      t.created_at + p * interval '5 seconds'
    from t, generate_series(0, 1) p order by t.created_at`;
  return { userId, projectIds };
}
