-- Removes the fields of a request whose names a backend may take for those of
-- auth-service: some take "_" for "-", some any byte but letters and digits.
-- httpd itself can only remove names that it is told one by one.

local ours = {
	["x-auth-request-user"] = true,
	["x-auth-request-scopes"] = true,
	["x-auth-request-key"] = true,
	["x-auth-scope"] = true,
}

function clean(r)
	for name in pairs(r:headers_in_table()) do
		local like = name:lower():gsub("[^a-z0-9]", "-")
		if ours[like] then
			r.headers_in[name] = nil
		end
	end
	return apache2.DECLINED
end
