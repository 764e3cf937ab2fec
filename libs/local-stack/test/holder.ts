import { startService } from "../src/start-service.ts";

const model = await startService("scripted-model", { env: { PORT: "0" } });
console.log(model.url);
