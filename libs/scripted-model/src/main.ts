import { z } from "zod";
import { startScriptedModel } from "./start-scripted-model.ts";

const Env = z.object({
  PORT: z.coerce.number().int().min(0).max(65_535).default(0),
  HOST: z.string().min(1).default("127.0.0.1"),
});

const env = Env.safeParse(process.env);
if (!env.success) {
  console.error(z.prettifyError(env.error));
  process.exit(1);
}
const model = await startScriptedModel({ port: env.data.PORT, host: env.data.HOST });
let closing = false;
for (const signal of ["SIGTERM", "SIGINT"] as const) {
  process.on(signal, async () => {
    // Ctrl-C reaches every process of a terminal. A model that `npm start` has started serves until the turns of the worker have ended.
    if (closing || (signal === "SIGINT" && process.connected)) return;
    closing = true;
    await model.close();
    process.exit(0);
  });
}
console.log(JSON.stringify({ url: model.url }));
