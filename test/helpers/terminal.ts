// A container on a terminal, whose master a small receiver takes from the console socket.
/// <reference types="bun" />
import { existsSync } from "node:fs";
import { type Subprocess, spawn } from "bun";
import { bundle, probe } from "./bundle.ts";
import type { JsonObject } from "./config.ts";
import { Container, ok } from "./container.ts";
import { until } from "./exec.ts";
import { Facts } from "./facts.ts";
import { BUILD } from "./runtime.ts";

/** A console socket with the small receiver behind it. */
function consoleSocket(directory: string, input = ""): { path: string; end: () => Promise<{ text: string; facts: Facts }> } {
  const path = `${directory}/console.sock`;
  const receiver: Subprocess<"ignore", "pipe", "pipe"> = spawn([`${BUILD}/console-recv`, path, ...(input === "" ? [] : [input])], {
    stdin: "ignore",
    stdout: "pipe",
    stderr: "pipe",
  });
  return {
    path,
    end: async () => {
      const [text, facts] = await Promise.all([new Response(receiver.stdout).text(), new Response(receiver.stderr).text()]);
      await receiver.exited;
      return { text: text.replaceAll("\r\n", "\n"), facts: new Facts(facts) };
    },
  };
}

/** Creates and starts a container with a terminal; what it wrote, and what the socket was given. */
export async function onTerminal(words: string[], patch: JsonObject = {}, input = "") {
  const container = new Container(bundle(probe(...words), { process: { terminal: true } }, patch));
  const socket = consoleSocket(container.bundle.directory, input);
  await until("the console socket", () => existsSync(socket.path));
  ok(await container.create({ flags: ["--console-socket", socket.path] }));
  ok(await container.start());
  await container.stopped();
  const { text, facts } = await socket.end();
  return { container, output: new Facts(text), text, received: facts };
}
