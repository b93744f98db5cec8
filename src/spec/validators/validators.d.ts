// What each generated validator exports.
declare module "*.gen.js" {
  /** Pointer below the section, keyword of the schema, and what the keyword says (scripts/gen-validators.ts). */
  export const validate: (data: unknown) => readonly (readonly [at: string, keyword: string, detail: unknown])[] | null;
}
