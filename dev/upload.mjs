// Reads a multipart/form-data upload while it arrives: the small fields as text, and of the file its type, size and
// digest.
//
// Invariant: what is held in memory is at most one piece of the stream, the head of one part and the small fields, so
// a file may have any size. An upload that ends before its last delimiter is none.
//
// Deliberately not here: keeping the file. Nothing in local development looks at it again.

import { createHash } from "node:crypto";

const HEAD_BYTES_MAX = 8_192;
const FIELD_BYTES_MAX = 65_536;
const HEAD_END = Buffer.from("\r\n\r\n");

/** Resolves with { fields, file?: { type, size, sha256 } }, or with undefined where this is no complete upload. */
export async function readUpload(stream, contentType = "") {
  const [, quoted, plain] = /^multipart\/form-data;.*boundary=(?:"([^"]+)"|([^;\s]+))/i.exec(contentType) ?? [];
  if (!quoted && !plain) return undefined;
  const delimiter = Buffer.from(`\r\n--${quoted ?? plain}`);
  const upload = { fields: {} };
  // The first delimiter has no line before it, so one is added; what precedes it is a part that nobody asked for.
  let rest = Buffer.from("\r\n");
  let part = ignored();
  let complete = false;
  for await (const chunk of stream) {
    // After the last delimiter the rest is read all the same: whoever uploads waits until it has sent everything.
    if (complete) continue;
    rest = Buffer.concat([rest, chunk]);
    for (;;) {
      if (part) {
        const end = rest.indexOf(delimiter);
        // The end of what has arrived may be the beginning of a delimiter.
        const sure = end < 0 ? Math.max(rest.length - delimiter.length, 0) : end;
        part.take(rest.subarray(0, sure));
        rest = rest.subarray(end < 0 ? sure : end + delimiter.length);
        if (end < 0) break;
        part.end(upload);
        part = undefined;
      }
      complete = rest.toString("latin1", 0, 2) === "--";
      const end = rest.indexOf(HEAD_END);
      if (complete || (end < 0 && rest.length <= HEAD_BYTES_MAX)) break;
      // A head that does not end is nobody's, and its part is passed over.
      part = end < 0 ? ignored() : partOf(rest.toString("utf8", 0, end));
      rest = rest.subarray(end < 0 ? 0 : end + HEAD_END.length);
    }
  }
  return complete ? upload : undefined;
}

function partOf(head) {
  const [, name] = /^content-disposition:.*[;\s]name="([^"]*)"/im.exec(head) ?? [];
  const [, type] = /^content-type:\s*([^\s;]+)/im.exec(head) ?? [];
  if (name === "file") return file(type);
  return name ? field(name) : ignored();
}

const ignored = () => ({ take: () => {}, end: () => {} });

function field(name) {
  const chunks = [];
  let size = 0;
  return {
    take: (chunk) => { if ((size += chunk.length) <= FIELD_BYTES_MAX) chunks.push(Buffer.from(chunk)); },
    end: (upload) => { upload.fields[name] = Buffer.concat(chunks).toString("utf8"); },
  };
}

function file(type) {
  const hash = createHash("sha256");
  let size = 0;
  return {
    take: (chunk) => { size += chunk.length; hash.update(chunk); },
    end: (upload) => { upload.file = { type, size, sha256: hash.digest("hex") }; },
  };
}
