// Tests a Pub/Sub with Google's client for Node.js; prints "done" at the end, or exits with 1 at the first unexpected result.
const assert = require("node:assert");
const {PubSub} = require("@google-cloud/pubsub");

const WITHIN_MS = 10000;
const pubsub = new PubSub({projectId: "node-project"});

async function received(subscription, count, answer) {
  const messages = [];
  await new Promise((resolve, reject) => {
    setTimeout(() => reject(new Error(`${messages.length} of ${count} messages came`)), WITHIN_MS).unref();
    subscription.on("error", reject);
    subscription.on("message", async message => {
      messages.push(message);
      await answer(message);
      if (messages.length === count) resolve();
    });
  });
  await subscription.close();
  return messages;
}

async function settings(topic) {
  assert.strictEqual((await pubsub.getTopics({pageSize: 1, autoPaginate: false}))[0].length, 1);
  assert.strictEqual((await pubsub.getTopics())[0].length, 2);
  await topic.setMetadata({messageRetentionDuration: {seconds: 3600}});
  const [reader] = await topic.createSubscription("reader", {ackDeadlineSeconds: 20});
  await reader.setMetadata({ackDeadlineSeconds: 30});
  assert.strictEqual((await reader.getMetadata())[0].ackDeadlineSeconds, 30);
  await topic.createSubscription("pushed", {pushEndpoint: "https://receiver.example.com/"});
  await pubsub.subscription("pushed").modifyPushConfig({pushEndpoint: "https://other.example.com/"});
  assert.strictEqual((await topic.getSubscriptions())[0].length, 2);
  await pubsub.detachSubscription("reader");
  assert.ok(await reader.detached());
}

async function deliveries(topic) {
  const policy = {deadLetterTopic: "projects/node-project/topics/dead", maxDeliveryAttempts: 5};
  await topic.createSubscription("filtered", {filter: 'attributes.kind = "touch"', deadLetterPolicy: policy});
  await topic.createSubscription("ordered", {enableMessageOrdering: true});
  await topic.createSubscription("once", {enableExactlyOnceDelivery: true});
  await topic.createSubscription("narrow");
  const sender = pubsub.topic("events", {messageOrdering: true});
  for (let number = 0; number < 50; number++) {
    const attributes = {kind: number === 7 ? "touch" : "temperature"};
    sender.publishMessage({data: Buffer.from(String(number)), orderingKey: "device", attributes});
  }
  const numbers = Array.from({length: 50}, (_, number) => String(number));
  const data = messages => messages.map(message => message.data.toString());
  const [touch] = await received(pubsub.subscription("filtered"), 1, message => message.ack());
  assert.deepStrictEqual([touch.data.toString(), touch.deliveryAttempt], ["7", 1]);
  assert.deepStrictEqual(data(await received(pubsub.subscription("ordered"), 50, message => message.ack())), numbers);
  const confirmed = [];
  await received(pubsub.subscription("once"), 50, async message => confirmed.push(await message.ackWithResponse()));
  assert.deepStrictEqual(new Set(confirmed), new Set(["SUCCESS"]));
  const narrow = pubsub.subscription("narrow", {flowControl: {maxMessages: 5}});
  await received(narrow, 50, message => setTimeout(() => message.ack(), 5));
}

async function times(topic) {
  const [kept] = await topic.createSubscription("kept", {retainAckedMessages: true});
  await kept.createSnapshot("before");
  assert.strictEqual((await pubsub.getSnapshots())[0].length, 1);
  await topic.publishMessage({data: Buffer.from("again")});
  await received(kept, 1, message => message.ack());
  await kept.seek("before");
  await received(pubsub.subscription("kept"), 1, message => message.ack());
  await kept.seek(new Date(Date.now() - 600000)); // the topic keeps messages from before the subscription, too
  await received(pubsub.subscription("kept"), 51, message => message.ack());
  await pubsub.snapshot("before").delete();
}

async function main() {
  const [topic] = await pubsub.createTopic("events");
  await pubsub.createTopic("dead");
  await settings(topic);
  await deliveries(topic);
  await times(topic);
  await topic.delete();
  assert.ok(!(await topic.exists())[0]);
  console.log("done");
  process.exit(0);
}

main().catch(error => {
  console.error(error);
  process.exit(1);
});
