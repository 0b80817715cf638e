// Runs in a Pub/Sub subscription that writes to BigQuery: message in, message whose data is one row of the table out.
// A transform of Pub/Sub gets the message as text, has 500 ms, at most 20 KB of code and only ECMAScript's built-ins.
// It never throws: what cannot be read becomes a row with only `body`, the exact text, so that no message is lost.
function row(message) {
  // levels of nested data that are kept as JSON; BigQuery takes 500, the function publishes at most 128
  var MAX_LEVELS = 128;
  // UTF-16 units of a text that is read; DT's events have about 2,000. A longer one could take too long, or be too long
  // as a row, which has the text twice
  var MAX_UNITS = 500000;
  var TIME = /^([1-9]\d{3})-(\d\d)-(\d\d)[Tt](\d\d):(\d\d):(\d\d)(?:\.(\d+))?(?:[Zz]|([+-])(\d\d):(\d\d))$/;
  var LONE = /[\ud800-\udbff](?![\udc00-\udfff])|(?:[^\ud800-\udbff]|^)[\udc00-\udfff]/;

  function object(value) {
    return value !== null && typeof value === "object" && !Array.isArray(value) ? value : {};
  }

  // a text that is not empty and that UTF-8 can encode, or undefined, which JSON leaves out
  function text(value) {
    return typeof value === "string" && value !== "" && !LONE.test(value) ? value : undefined;
  }

  function isDeeper(value, levels) {
    if (value === null || typeof value !== "object") return false;
    if (levels === 0) return true;
    return Object.keys(value).some(function (key) { return isDeeper(value[key], levels - 1); });
  }

  // JSON.stringify writes a lone surrogate as \udXXX, which BigQuery cannot store; an escaped backslash is no escape
  function wellFormed(json) {
    return json.replace(/\\(?:\\|ud[89a-f][0-9a-f]{2})/g, function (found) { return found === "\\\\" ? found : "\\ufffd"; });
  }

  function json(value) {
    return value === undefined || value === null || isDeeper(value, MAX_LEVELS) ? undefined : wellFormed(JSON.stringify(value));
  }

  // RFC 3339 -> UTC with at most 6 digits of a second; BigQuery's TIMESTAMP takes no more, and old events have 9
  function time(value) {
    var part = TIME.exec(typeof value === "string" ? value : "");
    if (!part || part[4] > 23 || part[5] > 59 || part[6] > 60 || part[9] > 23 || part[10] > 59) return undefined;
    var day = new Date(Date.UTC(+part[1], part[2] - 1, +part[3]));
    if (day.getUTCMonth() !== part[2] - 1) return undefined; // the month has no such day
    var offset = (part[8] === "-" ? -1 : 1) * (60 * (part[9] || 0) + +(part[10] || 0));
    var utc = new Date(+day + 1000 * (3600 * part[4] + 60 * (part[5] - offset) + +part[6])).toISOString();
    if (!/^[1-9]\d{3}-/.test(utc)) return undefined;
    return utc.slice(0, 19) + (part[7] ? "." + part[7].slice(0, 6) : "") + "Z";
  }

  // projects/P or projects/P/devices/D, as the function reads it
  function target(name) {
    var parts = (name || "").split("/");
    if (parts[0] !== "projects") return {};
    return { project: parts[1] || undefined, device: parts.length === 4 && parts[2] === "devices" && parts[3] || undefined };
  }

  function columns(body) {
    var all = object(JSON.parse(body));
    var event = object(all.event);
    var metadata = object(all.metadata);
    var names = target(text(event.targetName));
    var labels = Object.keys(object(all.labels)).length ? all.labels : undefined;
    return {
      event_id: text(event.eventId),
      event_type: text(event.eventType),
      device_id: names.device || text(metadata.deviceId),
      project_id: names.project || text(metadata.projectId),
      event_time: time(event.timestamp),
      data: json(event.data),
      labels: json(labels),
      body: body
    };
  }

  var body = typeof message.data === "string" ? message.data : "";
  var found = { body: body };
  try {
    if (body.length <= MAX_UNITS) found = columns(body);
  } catch (error) {
    // not JSON, or nested too deep for the engine
  }
  return { data: JSON.stringify(found), attributes: message.attributes };
}
