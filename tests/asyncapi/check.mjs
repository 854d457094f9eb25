// Checks an AsyncAPI document, and prints what a test needs of it as JSON: for every topic
// the schemas of its messages, references filled in.
//
//     node check.mjs asyncapi.yaml
import { readFile } from "node:fs/promises";
import { Parser } from "@asyncapi/parser";

const [file] = process.argv.slice(2);
const { document, diagnostics } = await new Parser().parse(await readFile(file, "utf8"));
for (const { severity, message, path, range } of diagnostics) {
  console.error(`${file}:${range.start.line + 1}: ${path.join(".")}: ${message} (severity ${severity})`);
}
// Nought is an error, one is a warning; hints are shown only.
if (!document || diagnostics.some(({ severity }) => severity <= 1)) {
  process.exit(1);
}

const topics = {};
for (const channel of document.channels()) {
  topics[channel.address()] = channel.messages().all().map((message) => ({
    name: message.name(),
    contentType: message.contentType(),
    key: message.bindings().get("kafka")?.value().key,
    headers: message.headers()?.json() ?? {},
    payload: message.payload().json(),
  }));
}
console.log(JSON.stringify(topics));
