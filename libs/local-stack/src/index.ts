export { addUser } from "./add-user.ts";
export { type ServiceProcess, type ServiceSettings, startService } from "./start-service.ts";
