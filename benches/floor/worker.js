// The floor: what the platform itself costs. It reads the body and answers.
//
// Deliberately not here: anything else.

export default {
  async fetch(request) {
    await request.arrayBuffer();
    return new Response("ok");
  },
};
