// The same in Node.js: the framework, the check by a JWT library, a publish by Google's client that is waited for.
const crypto = require('node:crypto');
const functions = require('@google-cloud/functions-framework');
const jwt = require('jsonwebtoken');
const { PubSub } = require('@google-cloud/pubsub');

const topic = new PubSub({ projectId: process.env.GOOGLE_CLOUD_PROJECT }).topic(process.env.PUBSUB_TOPIC);

function isGenuine(request) {
  try {
    const claims = jwt.verify(request.get('X-Dt-Signature'), process.env.DT_SIGNATURE_SECRET, { algorithms: ['HS256'] });
    return claims.checksum === crypto.createHash('sha1').update(request.rawBody).digest('hex');
  } catch {
    return false;
  }
}

functions.http('node', async (request, response) => {
  if (!isGenuine(request)) {
    response.status(400).send('Could not verify request.');
    return;
  }
  try {
    response.json({ messageId: await topic.publishMessage({ data: request.rawBody }) });
  } catch (error) {
    console.error(error.message);
    response.status(500).send();
  }
});
