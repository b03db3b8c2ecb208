-- The action lua.auth-request asks auth-service at the URL in txn.auth_url. It passes
-- a denial on to the client. Otherwise it sets txn.auth_status, txn.auth_user,
-- txn.auth_scopes and txn.auth_key. When it fails, txn.auth_status is not 200: the
-- configuration must allow nothing else.

-- The fields that may hold a token, in lower case.
local places = { "authorization" }

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
	txn:set_var("txn.auth_scopes", "")
	txn:set_var("txn.auth_key", "")

	-- For the log of auth-service; no influence on the verdict.
	local headers = {
		["x-real-ip"] = { txn.sf:src() },
		["x-original-method"] = { txn.sf:method() },
		["x-original-host"] = { txn.sf:req_hdr("host") },
		["x-original-uri"] = { txn.sf:path():sub(1, 256) },
		["x-request-id"] = { txn.sf:unique_id() },
	}
	-- All fields of a name, if there are several: auth-service denies that.
	local fields = txn.http:req_get_headers()
	for _, name in ipairs(places) do
		if fields[name] then
			headers[name] = {}
			for i = 0, #fields[name] do
				table.insert(headers[name], fields[name][i])
			end
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
	txn:set_var("txn.auth_scopes", first(response, "x-auth-request-scopes"))
	txn:set_var("txn.auth_key", first(response, "x-auth-request-key"))
	txn:set_var("txn.auth_status", response.status or 0)
	if response.status == 401 or response.status == 403 then
		local reply = txn:reply({ status = response.status })
		local challenges = response.headers and response.headers["www-authenticate"]
		for i = 0, challenges and #challenges or -1 do
			reply:add_header("WWW-Authenticate", challenges[i])
		end
		txn:done(reply)
	end
end, 0)
