// A tar archive (POSIX ustar) of files in memory.
//
// Invariant: the same files make the same bytes: they are sorted by name, belong to nobody, and have one time and one of
// two modes.
//
// Deliberately not here: folders, links, and names longer than a header has room for, which are refused.

const BLOCK_BYTES = 512;
const NAME_BYTES_MAX = 100;
// The time that npm gives all files of a package: no file system is offended by it.
const MTIME_SECONDS = 499_162_500;
// Where each field of a header is, and how many bytes it has.
const FIELDS = { name: [0, 100], mode: [100, 8], uid: [108, 8], gid: [116, 8], size: [124, 12], mtime: [136, 12], checksum: [148, 8], type: [156, 1], magic: [257, 8] };

/** `files` maps names to contents; all of them stand below `folder`. */
export function tar(folder, files, isExecutable) {
  const blocks = [];
  for (const [name, content] of [...files].sort(([one], [other]) => (one < other ? -1 : 1))) {
    blocks.push(header(`${folder}/${name}`, content.length, isExecutable(name) ? 0o755 : 0o644), content, padding(content.length));
  }
  // The end is two empty blocks.
  return Buffer.concat([...blocks, Buffer.alloc(2 * BLOCK_BYTES)]);
}

function header(name, size, mode) {
  if (Buffer.byteLength(name) > NAME_BYTES_MAX) throw new Error(`${name} is too long a name for the archive`);
  const block = Buffer.alloc(BLOCK_BYTES);
  const put = (field, text) => block.write(text, FIELDS[field][0], FIELDS[field][1], "utf8");
  const octal = (field, number) => put(field, `${number.toString(8).padStart(FIELDS[field][1] - 1, "0")}\0`);
  put("name", name);
  octal("mode", mode);
  octal("uid", 0);
  octal("gid", 0);
  octal("size", size);
  octal("mtime", MTIME_SECONDS);
  put("type", "0");
  put("magic", "ustar\u000000");
  // The sum counts its own field as spaces.
  put("checksum", " ".repeat(FIELDS.checksum[1]));
  const sum = block.reduce((total, byte) => total + byte, 0);
  put("checksum", `${sum.toString(8).padStart(6, "0")}\0 `);
  return block;
}

const padding = (size) => Buffer.alloc((BLOCK_BYTES - (size % BLOCK_BYTES)) % BLOCK_BYTES);
