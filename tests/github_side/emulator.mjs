// GitHub's emulator on a free loopback port. Line in: a seed as JSON, then one line for each reset.
// Line out: where it listens and the keys it made; then one line for each reset that is done.
import { createInterface } from "node:readline";
import { createEmulator } from "emulate";

const lines = createInterface({ input: process.stdin })[Symbol.asyncIterator]();
const { value } = await lines.next();
const github = await createEmulator({ service: "github", port: 0, seed: JSON.parse(value) });
console.log(JSON.stringify({ url: github.url, secrets: github.generatedSecrets }));
for await (const _ of lines) {
  await github.reset();
  console.log("{}");
}
process.exit(0);
