import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { vendorOfPrefix } from './reserved-prefixes.ts'

describe('vendorOfPrefix', () => {
  test('knows how tokens of others begin', () => {
    const vendors = {
      GitHub: ['ghp', 'ghp_', 'gho', 'ghu', 'ghs', 'ghr', 'github_pat', 'github_pat_'],
      'Stripe, OpenAI and others': ['sk', 'sk_live', 'sk_test', 'sk-proj', 'sk-ant'],
      Stripe: ['pk_live', 'rk_test', 'whsec'],
      Amazon: ['AKIA', 'ASIA', 'akia'],
      Slack: ['xoxb', 'xoxp-', 'xapp'],
      Google: ['AIza', 'ya29.', 'GOCSPX-'],
      GitLab: ['glpat', 'glpat-'],
      npm: ['npm_'],
      PyPI: ['pypi-'],
      DigitalOcean: ['dop_v1'],
      Shopify: ['shpat_', 'shpss'],
      Square: ['sq0', 'sq0atp-'],
      Mailgun: ['key-'],
      SendGrid: ['SG.'],
      'Hugging Face': ['hf_'],
      Unkey: ['unkey_'],
      Kuzzle: ['kapikey-', 'kauth'],
    }
    for (const [vendor, prefixes] of Object.entries(vendors)) {
      for (const prefix of prefixes) assert.equal(vendorOfPrefix(prefix), vendor, prefix)
    }
  })

  test('leaves all others free, also names that JavaScript objects have', () => {
    for (const prefix of ['lk', 'acme', 'skx', 'asks', '', 'constructor', '__proto__', 'toString']) {
      assert.equal(vendorOfPrefix(prefix), undefined, prefix)
    }
  })
})
