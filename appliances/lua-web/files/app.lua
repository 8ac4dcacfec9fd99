-- The application: handle(method, target, body) returns status, content type and text.
local notes = (os.getenv("NOTES") or "/tmp") .. "/notes.txt"

local function read()
	local file = io.open(notes)
	if not file then return "" end
	local text = file:read("a")
	file:close()
	return text
end

function handle(method, target, body)
	if target == "/" and method == "GET" then
		return 200, "text/plain", "Hello from " .. _VERSION .. "\n"
	elseif target == "/notes" and method == "GET" then
		return 200, "text/plain", read()
	elseif target == "/notes" and method == "POST" then
		local file = assert(io.open(notes, "a"))
		file:write(body, "\n")
		file:close()
		return 201, "text/plain", "stored\n"
	end
	return 404, "text/plain", "there is nothing here\n"
end
