// oauth4webapi from npm against a running gateway: node oauth.mjs MODULE BASE_URL USERNAME PASSWORD SERVICE_TOKEN
import assert from 'node:assert/strict'

const [module, base, username, password, service] = process.argv.slice(2)
const oauth = await import(module)
const plain = { [oauth.allowInsecureRequests]: true }
const issuer = new URL(base)
const client = { client_id: 'cli' }
const none = oauth.None()

for (const algorithm of ['oauth2', 'oidc']) {
  const answer = await oauth.discoveryRequest(issuer, { algorithm, ...plain })
  assert.equal((await oauth.processDiscoveryResponse(issuer, answer)).token_endpoint, `${base}/auth/token`)
}
const found = await oauth.processDiscoveryResponse(
  issuer,
  await oauth.discoveryRequest(issuer, { algorithm: 'oauth2', ...plain }),
)
const first = await oauth.processGenericTokenEndpointResponse(
  found,
  client,
  await oauth.genericTokenEndpointRequest(found, client, none, 'password', { username, password }, plain),
)
const me = await oauth.protectedResourceRequest(
  first.access_token, 'GET', new URL(found.userinfo_endpoint), undefined, undefined, plain,
)
assert.equal((await me.json()).username, username)
const second = await oauth.processRefreshTokenResponse(
  found,
  client,
  await oauth.refreshTokenGrantRequest(found, client, none, first.refresh_token, plain),
)
assert.notEqual(second.access_token, first.access_token)
const machine = (_as, _client, _body, headers) => headers.set('authorization', `Bearer ${service}`)
const introspect = async (token) =>
  oauth.processIntrospectionResponse(
    found,
    client,
    await oauth.introspectionRequest(found, client, machine, token, plain),
  )
assert.equal((await introspect(second.access_token)).active, true)
await oauth.processRevocationResponse(
  await oauth.revocationRequest(found, client, none, second.access_token, plain),
)
assert.deepEqual(await introspect(second.access_token), { active: false })
console.log('ok oauth4webapi')
