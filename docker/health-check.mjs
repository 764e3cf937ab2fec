// Checks liveness, not readiness: with Postgres or Redis away a service is not ready, and a restart would not help.
const path = process.argv[2] ?? "/healthz";
const url = `http://127.0.0.1:${process.env.PORT}${path}`;
const answer = await fetch(url, { signal: AbortSignal.timeout(2_500) }).catch(() => null);
process.exit(answer?.ok ? 0 : 1);
