// What `docker save` writes beside configs and layers (its "v1.2" archive): the file manifest.json.
import Type from "typebox";

const { Array: list, Object: object, Optional: optional, String: string } = Type;

export const dockerImage = object({
  /** Path of the config in the archive. */
  Config: string(),
  /** "repository:tag". */
  RepoTags: optional(list(string())),
  /** Paths of the layers' archives, lowest first. */
  Layers: optional(list(string())),
});
export const dockerManifest = list(dockerImage);
export type DockerImage = Type.Static<typeof dockerImage>;

/** Where Docker's own exports in the image-spec's form keep the whole name; "ref.name" has the tag alone there. */
export const WHOLE_NAME = "io.containerd.image.name";
