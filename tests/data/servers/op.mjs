// An OAuth2 authorization server: oidc-provider with client credentials, tokens that live 5 seconds, and one resource
// that takes them. Usage: node op.mjs LIBRARY PORT, LIBRARY being oidc-provider's own module.
const [library, port] = process.argv.slice(2);
const { default: Provider } = await import(library);
const issuer = `http://127.0.0.1:${port}`;

const client = (client_id, client_secret, method) => ({
  client_id, client_secret, token_endpoint_auth_method: method, scope: 'read write',
  grant_types: ['client_credentials'], redirect_uris: [], response_types: [],
});
const provider = new Provider(issuer, {
  clients: [
    client('by basic:&+/=%', 's&+/=% :~secret', 'client_secret_basic'),
    client('by post', 's&+/=% :~secret', 'client_secret_post'),
  ],
  features: { clientCredentials: { enabled: true }, devInteractions: { enabled: false } },
  scopes: ['read', 'write'],
  ttl: { ClientCredentials: 5 },
});

// How each client of the token endpoint came in, and whether it was refused, for a test to read.
const asked = [];
const how = (ctx) => (ctx.get('authorization') ? 'basic' : 'post');
provider.on('grant.success', (ctx) => { asked.push(how(ctx)); });
provider.on('grant.error', (ctx) => { asked.push(`${how(ctx)} refused`); });

provider.use(async (ctx, next) => {
  if (ctx.path === '/asked') {
    ctx.body = asked;
  } else if (ctx.path === '/resource') {
    const [scheme, text] = ctx.get('authorization').split(' ');
    const token = scheme === 'Bearer' && text ? await provider.ClientCredentials.find(text) : undefined;
    ctx.status = token ? 200 : 401;
    ctx.body = token ? { client: token.clientId, scope: token.scope, token: text } : { error: 'invalid_token' };
  } else {
    await next();
  }
});
provider.listen(port, '127.0.0.1');
