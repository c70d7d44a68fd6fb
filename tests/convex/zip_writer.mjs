/** Writes ZIP files, as exports have them. */
import { buffer } from "node:stream/consumers";
import yazl from "yazl";

/**
 * @param {{name: string, content: string | Buffer}[]} entries
 * @param {{compress?: boolean}} [options]
 * @returns {Promise<Buffer>}
 */
export async function writeZip(entries, { compress = true } = {}) {
  const zip = new yazl.ZipFile();
  for (const { name, content } of entries) zip.addBuffer(Buffer.from(content), name, { compress });
  zip.end();
  return await buffer(zip.outputStream);
}
