import type { Postgres } from "@boocode/runtime";

/** Installs a trigger that records every forbidden change of a turn's row, even one that a later write hides. It acts as the tables' owner. */
export async function auditTurns(sql: Postgres): Promise<void> {
  await sql`create table audit (rule text not null, turn_id uuid not null, before jsonb not null, after jsonb not null)`;
  await sql`
    create function audit_turn() returns trigger language plpgsql security definer as $$
    begin
      insert into audit
      select rule, old.id, to_jsonb(old), to_jsonb(new) from (values
        ('T1 changed after its end', old.finished_at is not null and
          (new.status, new.attempt, new.last_seq, new.finished_at) is distinct from
          (old.status, old.attempt, old.last_seq, old.finished_at)),
        ('T1 from cancelling back to life', old.status = 'cancelling' and new.status in ('queued', 'running', 'complete')),
        ('T10 an attempt went back', new.attempt < old.attempt),
        ('T10 two workers in one attempt', new.attempt = old.attempt and new.nonce is distinct from old.nonce),
        ('D2 a number went back', new.attempt = old.attempt and new.last_seq < old.last_seq)
      ) as rules (rule, is_broken) where is_broken;
      return new;
    end $$`;
  await sql`create trigger audit_turn after update on turns for each row execute function audit_turn()`;
}
