-- Asks Latchkey whether the key of a request is good: "http-request lua.latchkey URL", with the URL of /v1/authorize.
-- Needs HAProxy 2.5 or newer.

local TIMEOUT_MS = 2000

-- Headers of Latchkey's answer, by the variable of the transaction that takes them.
local ANSWERED = {
    ["txn.latchkey_owner"] = "x-latchkey-owner",
    ["txn.latchkey_key_id"] = "x-latchkey-key-id",
    ["txn.latchkey_scopes"] = "x-latchkey-scopes",
    ["txn.latchkey_credits"] = "x-latchkey-credits",
    ["txn.latchkey_challenge"] = "www-authenticate",
    ["txn.latchkey_retry_after"] = "retry-after",
    ["txn.latchkey_ratelimit"] = "ratelimit",
}

-- Headers of the client that Latchkey looks at; all values, so that a second one is seen and refused.
local ASKED = { "authorization", "x-api-key", "dpop" }

local function values_of(header)
    local values = {}
    for index = 0, #header do
        values[#values + 1] = header[index]
    end
    return values
end

local function authorize(txn, url)
    -- What a proof of the client (DPoP) must be for, if it sends one.
    local headers = {
        ["x-forwarded-for"] = { txn.f:src() },
        ["x-forwarded-method"] = { txn.sf:method() },
        ["x-forwarded-proto"] = { txn.sf:ssl_fc() == "1" and "https" or "http" },
        ["x-forwarded-host"] = { txn.sf:req_hdr("host") },
        ["x-forwarded-uri"] = { txn.sf:pathq() },
    }
    local received = txn.http:req_get_headers()
    for _, name in ipairs(ASKED) do
        if received[name] then headers[name] = values_of(received[name]) end
    end
    local response = core.httpclient():get({
        url = url,
        headers = headers,
        timeout = TIMEOUT_MS,
    })
    -- 0 stands for no answer; the configuration refuses everything but 200.
    txn:set_var("txn.latchkey_status", response and response.status or 0)
    for variable, name in pairs(ANSWERED) do
        local values = response and response.headers and response.headers[name]
        if values then txn:set_var(variable, values[0] or values[1]) end
    end
end

core.register_action("latchkey", { "http-req" }, authorize, 1)
