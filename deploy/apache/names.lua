-- Removes the fields of a request whose names a backend may mistake for those of
-- auth-service: some treat "_" as "-", some every byte except letters and digits.
-- httpd itself removes only names that are listed one by one.

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
