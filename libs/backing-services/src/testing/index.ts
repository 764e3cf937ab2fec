export { testDatabase } from "./test-database.ts";
export { testRedis } from "./test-redis.ts";
