/**
 * The code of one pushed module, made ready for sandbox.mjs: node:vm runs ES modules only behind a flag of Node, so
 * imports and exports become `require` and `module.exports`. The source map leads on to the original files.
 */
import { transform } from "esbuild";
import { createHash } from "node:crypto";
import { SourceMap } from "node:module";

const SOURCE_MAP_COMMENT = /\n\/\/# sourceMappingURL=.*\s*$/;

/** What `require` and the like are for user code: an ES module has none. */
const NOT_IN_MODULES = { require: "undefined", module: "undefined", exports: "undefined" };

/** A module that cannot be parsed: V8's words for it are lost, esbuild reads it first. */
export class ModuleSyntaxError extends Error {}

export class ModuleCode {
  #sourceMapText;
  #sourceMap;

  /** @param {{path: string, environment: string, sha256: string, text: string, sourceMapText: string}} parts */
  constructor({ path, environment, sha256, text, sourceMapText }) {
    this.path = path;
    this.environment = environment;
    this.sha256 = sha256;
    this.text = text;
    this.#sourceMapText = sourceMapText;
  }

  /**
   * @param {import("./bundle.mjs").Module} module
   * @returns {Promise<ModuleCode>}
   * @throws {ModuleSyntaxError}
   */
  static async compile({ path, source, sourceMap, environment = "isolate" }) {
    const comment =
      sourceMap == null ? "" : `\n//# sourceMappingURL=data:application/json;base64,${base64(sourceMap)}`;
    const { code, map } = await transform(source.replace(SOURCE_MAP_COMMENT, "") + comment, {
      format: "cjs",
      define: NOT_IN_MODULES,
      target: "es2022",
      sourcemap: "external",
      sourcesContent: false,
      sourcefile: path,
      logLevel: "silent",
    }).catch((error) => {
      throw syntaxError(error);
    });
    const sha256 = hashOf(source, sourceMap);
    return new ModuleCode({ path, environment, sha256, text: code, sourceMapText: map });
  }

  /** Whether it holds what several modules share; such modules define no functions (`is_deps`). */
  get isShared() {
    return /^(_system\/)?_deps\//.test(this.path);
  }

  /**
   * Where a place of `text` comes from.
   * @param {number} line from 1
   * @param {number} column from 1
   * @returns {{file: string, line: number, column: number}}
   */
  findSource(line, column) {
    this.#sourceMap ??= new SourceMap(JSON.parse(this.#sourceMapText));
    const entry = this.#sourceMap.findEntry(line - 1, column - 1);
    if (entry.originalSource === undefined) return { file: this.path, line, column };
    return { file: entry.originalSource, line: entry.originalLine + 1, column: entry.originalColumn + 1 };
  }
}

/** What tells whether a module has changed (`hash` in npm convex: src/cli/lib/components.ts). */
function hashOf(source, sourceMap) {
  return createHash("sha256")
    .update(source)
    .update(sourceMap ?? "")
    .digest("hex");
}

function base64(text) {
  return Buffer.from(text).toString("base64");
}

function syntaxError(error) {
  const text = error.errors?.[0]?.text ?? error.message;
  // crates/isolate/src/execution_scope.rs
  if (/top-level await/i.test(text))
    return new ModuleSyntaxError("Top-level awaits in source files are unsupported");
  return new ModuleSyntaxError(`Uncaught SyntaxError: ${text}`);
}
