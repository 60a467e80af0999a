// openapi-client-axios. Usage: with_openapi_client_axios.cjs call COUNT WIDTH URL DOCUMENT, load COUNT DOCUMENT or
// resolve COUNT DOCUMENT
const { readFileSync } = require('node:fs');
const { OpenAPIClientAxios } = require('openapi-client-axios');

const parameters = { limit: 5, offset: 0, sort: 'created_timestamp|desc', filter: "status:'valid'" };
const headers = { authorization: 'Bearer a-token-of-some-length-0123456789abcdef0123456789' };

async function load(document) {
  const definition = JSON.parse(readFileSync(document, 'utf8'));
  const api = new OpenAPIClientAxios({ definition, axiosConfigDefaults: { headers } });
  await api.init();
  return api;
}

async function call(count, width, api) {
  const client = await api.getClient();
  const lane = async () => {
    for (let done = 0; done < count / width; done += 1) {
      const answer = await client.tokens_query(parameters);
      if (answer.status !== 200 || answer.data.resources.length !== 2) throw new Error(answer.statusText);
    }
  };
  await Promise.all(Array.from({ length: width }, lane));
}

function resolve(count, api) {
  for (let done = 0; done < count; done += 1) api.getAxiosConfigForOperation('tokens_query', [parameters]);
}

/** Builds a request of the first operation, with something for what it requires. */
function callable(api) {
  const operation = api.getOperations().find(({ operationId }) => operationId);
  const required = (operation.parameters ?? []).filter((parameter) => parameter.required);
  api.getAxiosConfigForOperation(operation, [Object.fromEntries(required.map(({ name }) => [name, '1']))]);
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
