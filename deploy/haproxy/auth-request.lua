-- The action lua.auth-request asks auth-service at the URL in txn.auth_url and
-- sets txn.auth_status, txn.auth_user and txn.auth_challenge. When it fails,
-- txn.auth_status is not 200: the configuration must allow nothing else.

-- In milliseconds. HAProxy asks up to four times, so a client waits four times as
-- long for a service that does not answer.
local timeout = 1000

local function first(response, name)
	local values = response.headers and response.headers[name]
	return values and values[0] or ""
end

core.register_action("auth-request", { "http-req" }, function(txn)
	txn:set_var("txn.auth_status", 0)
	txn:set_var("txn.auth_user", "")
	txn:set_var("txn.auth_challenge", "")

	local headers = {
		["x-original-uri"] = { txn.sf:path() },
		["x-real-ip"] = { txn.sf:src() },
	}
	-- All Authorization fields, if there are several: auth-service denies that.
	local authorization = txn.http:req_get_headers()["authorization"]
	if authorization then
		headers["authorization"] = {}
		for i = 0, #authorization do
			table.insert(headers["authorization"], authorization[i])
		end
	end

	local response = core.httpclient():get({
		url = txn:get_var("txn.auth_url"),
		headers = headers,
		timeout = timeout,
	})
	if not response then
		return
	end
	txn:set_var("txn.auth_user", first(response, "x-auth-request-user"))
	txn:set_var("txn.auth_challenge", first(response, "www-authenticate"))
	txn:set_var("txn.auth_status", response.status or 0)
end, 0)
