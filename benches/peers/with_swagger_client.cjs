// swagger-client. Usage: with_swagger_client.cjs call COUNT WIDTH URL DOCUMENT, load COUNT DOCUMENT or
// resolve COUNT DOCUMENT
const { readFileSync } = require('node:fs');
const SwaggerClient = require('swagger-client');

const parameters = { limit: 5, offset: 0, sort: 'created_timestamp|desc', filter: "status:'valid'" };
const authorizations = { bearer: { value: 'a-token-of-some-length-0123456789abcdef0123456789' } };

const load = (document) => SwaggerClient({ spec: JSON.parse(readFileSync(document, 'utf8')), authorizations });

async function call(count, width, client) {
  const lane = async () => {
    for (let done = 0; done < count / width; done += 1) {
      const answer = await client.execute({ operationId: 'tokens_query', parameters });
      if (answer.status !== 200 || answer.body.resources.length !== 2) throw new Error(answer.text);
    }
  };
  await Promise.all(Array.from({ length: width }, lane));
}

function resolve(count, { spec }, operationId = 'tokens_query', given = parameters) {
  for (let done = 0; done < count; done += 1) {
    SwaggerClient.buildRequest({ spec, operationId, parameters: given, securities: { authorized: authorizations } });
  }
}

/** Builds a request of the first operation, with something for what it requires. */
function callable(client) {
  for (const path of Object.values(client.spec.paths)) {
    const first = Object.values(path).find(({ operationId }) => operationId);
    if (!first) continue;
    const required = (first.parameters ?? []).filter((parameter) => parameter.required);
    return resolve(1, client, first.operationId, Object.fromEntries(required.map(({ name }) => [name, '1'])));
  }
  throw new Error('no operation');
}

async function main([what, count, ...rest]) {
  if (what === 'call') return call(Number(count), Number(rest[0]), await load(rest[2]));
  if (what === 'resolve') return resolve(Number(count), await load(rest[0]));
  for (let done = 0; done < Number(count); done += 1) callable(await load(rest[0]));
}

main(process.argv.slice(2)).then(
  () => process.exit(0),
  (error) => { console.error(error); process.exit(1); },
);
