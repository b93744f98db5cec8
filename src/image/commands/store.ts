// tsrun image store ls, gc: the layers that `tsrun run --image` keeps unpacked.
import { Command, createOption, type Option } from "commander";
import { UsageError } from "../../errors.ts";
import { defaultStore } from "../../state/image-store.ts";
import { printJson, printLine, printTable } from "../output.ts";
import { collectLayers } from "../store/gc.ts";
import { ImageStore } from "../store/store.ts";
import { jsonOption, withExamples } from "./options.ts";

export function addStore(program: Command): void {
  const ls = new Command("ls").description("list the images that can be run at once").addOption(storeOption()).addOption(jsonOption()).action(list);
  const gc = new Command("gc")
    .description("remove the layers that no container uses, and the images made of them")
    .addOption(storeOption())
    .option("--dry-run", "only say what would be removed")
    .action(collect);
  const store = program.command("store").description('the layers that "tsrun run --image" keeps unpacked');
  for (const command of [ls, gc]) store.addCommand(command.copyInheritedSettings(store));
  withExamples(store, "tsrun image store ls", "tsrun image store gc --dry-run");
}

interface StoreOptions {
  readonly store?: string;
  readonly json?: boolean;
  readonly dryRun?: boolean;
}

function storeOption(): Option {
  return createOption("--store <dir>", "the image store (default: /var/lib/tsrun, or ~/.local/share/tsrun when not root)");
}

function openStore({ store }: StoreOptions): Promise<ImageStore> {
  const path = store ?? defaultStore(process.geteuid?.() ?? 0, (name) => process.env[name]);
  if (path === undefined) throw new UsageError("HOME is not set", "give --store a directory of your own");
  return ImageStore.open(path);
}

async function list(options: StoreOptions): Promise<void> {
  const store = await openStore(options);
  const containers = await store.containers();
  const images = [];
  for (const key of await store.names("images")) {
    const image = await store.image(key);
    if (image === undefined) continue;
    const users = containers.filter(({ layers }) => layers.join() === image.layers.join()).map(({ name }) => name);
    images.push({ image: image.name, key, layers: image.layers, containers: users });
  }
  if (options.json) printJson(images);
  else
    printTable(
      ["IMAGE", "LAYERS", "CONTAINERS", "KEY"],
      images.map((one) => [one.image, String(one.layers.length), String(one.containers.length), one.key]),
    );
}

async function collect(options: StoreOptions): Promise<void> {
  const dryRun = options.dryRun === true;
  const { images, layers } = await collectLayers(await openStore(options), { dryRun });
  printLine(`${layers.length} layers and ${images.length} images ${dryRun ? "would be " : ""}removed`);
}
