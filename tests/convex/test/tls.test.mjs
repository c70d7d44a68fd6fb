/** A deployment behind TLS, with a certificate that clients trust and such that they must not. */
import assert from "node:assert/strict";
import { once } from "node:events";
import { get } from "node:https";
import { test } from "node:test";
import { startLocalConvex } from "../index.mjs";

async function tryWith(tls, { trusts = true } = {}) {
  const convex = await startLocalConvex({ tls });
  try {
    assert.match(convex.url, /^https:/);
    const request = get(`${convex.url}/instance_name`, { ca: trusts ? convex.ca : undefined });
    const [response] = await once(request, "response");
    response.resume();
    await once(response, "end");
    return response.statusCode;
  } catch (error) {
    return error.code;
  } finally {
    await convex.close();
  }
}

test("a good certificate, trusted or not", async () => {
  assert.equal(await tryWith("good"), 200);
  assert.equal(await tryWith("good", { trusts: false }), "UNABLE_TO_VERIFY_LEAF_SIGNATURE");
});

test("certificates that no client should accept", async () => {
  assert.equal(await tryWith("expired"), "CERT_HAS_EXPIRED");
  assert.equal(await tryWith("wrong_host"), "ERR_TLS_CERT_ALTNAME_INVALID");
  assert.equal(await tryWith("self_signed"), "DEPTH_ZERO_SELF_SIGNED_CERT");
  await assert.rejects(tryWith("blessed"), /unknown certificate blessed; there are good, expired/);
});
