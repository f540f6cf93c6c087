// Drives the tests' Upstash endpoint with the npm package @upstash/redis, and prints what it got.
import { Redis } from "@upstash/redis";

const redis = new Redis({ url: process.argv[2], token: process.argv[3], enableTelemetry: false });
const key = "sessionkit:from-node";
await redis.del(key);
for (const message of [{ role: "user", content: "Hé 🧠" }, { role: "assistant", content: "Hello" }]) {
  await redis.rpush(key, JSON.stringify(message));
}
await redis.set("plain", "value");
const pipeline = redis.pipeline();
pipeline.get("plain").llen(key).incr("plain");
const failed = await pipeline.exec().then(() => "none", (error) => error.message);
const script = redis.createScript("return {KEYS[1], ARGV[1]}");
console.log(JSON.stringify({
  list: await redis.lrange(key, 0, -1),
  multi: await redis.multi().get("plain").llen(key).exec(),
  script: await script.exec(["k"], ["v"]),
  missing: await redis.get("missing"),
  scan: await redis.scan(0, { match: "sessionkit:from-node", count: 1000000 }),
  failed,
  unauthorized: await new Redis({ url: process.argv[2], token: "wrong", retry: false }).get("plain")
    .then(() => "none", (error) => error.message),
}));
