// tsrun image prepare: what `tsrun run --image` has done for it. Not for people: the runtime owns the directory.
import { resolve } from "node:path";
import type { Command } from "commander";
import { check } from "../../errors.ts";
import { interruptibly } from "../interrupt.ts";
import { openImage, parsePlatform } from "../layout/image.ts";
import { Layout } from "../layout/layout.ts";
import type { Reference } from "../layout/reference.ts";
import { native } from "../native.ts";
import { prepare } from "../store/prepare.ts";
import { ImageStore } from "../store/store.ts";
import { imageOption } from "./options.ts";

interface Options {
  readonly image: Reference;
  readonly platform?: string;
  readonly store: string;
  readonly rootless?: boolean;
  readonly parent: number;
}

export function addPrepare(program: Command): void {
  program
    .command("prepare", { hidden: true })
    .addOption(imageOption("the image"))
    .option("--platform <os/arch[/variant]>")
    .requiredOption("--store <dir>")
    .option("--rootless")
    .requiredOption("--parent <pid>", "the runtime: without it there is nothing to be done", Number)
    .argument("<container>", "its directory in the store")
    .action(async (container: string, { image: reference, platform, store, rootless, parent }: Options) => {
      check(native.die_with_parent(parent), "stay with the runtime", `process ${parent}`, "prctl");
      const layout = await Layout.open(resolve(reference.layout));
      const image = await openImage(layout, reference.name, platform === undefined ? undefined : parsePlatform(platform));
      const name = `${layout.path}${reference.name === undefined ? "" : `:${reference.name}`}`;
      await interruptibly(async (signal) =>
        prepare(image, { store: await ImageStore.open(store), container, isRootless: rootless === true, platform, name, signal }),
      );
    });
}
