export { type ServiceProcess, type ServiceSettings, startService } from "./start-service.ts";
