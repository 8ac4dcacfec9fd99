-- SPDX-License-Identifier: ISC
-- Benchmarks of Lua: main.lua NAME N.  The same file runs on Linux (tests/bench/unix.py).

local all = {}

function all.fib(n)
	local function fib(k)
		if k < 2 then return k end
		return fib(k - 1) + fib(k - 2)
	end
	return fib(n)
end

-- Allocates many small tables.
function all.trees(n)
	local function make(depth)
		if depth == 0 then return {} end
		return { make(depth - 1), make(depth - 1) }
	end
	local function count(t)
		return t[1] and 1 + count(t[1]) + count(t[2]) or 1
	end
	local sum = 0
	for _ = 1, n do sum = sum + count(make(12)) end
	return sum
end

function all.spectral(n)
	local function a(i, j)
		local k = i + j - 1
		return 1 / (k * (k - 1) / 2 + i)
	end
	local function times(x, y, transposed)
		for i = 1, n do
			local sum = 0
			for j = 1, n do
				sum = sum + x[j] * (transposed and a(j, i) or a(i, j))
			end
			y[i] = sum
		end
	end
	local u, v, t = {}, {}, {}
	for i = 1, n do u[i] = 1 end
	for _ = 1, 4 do
		times(u, t) times(t, v, true)
		times(v, t) times(t, u, true)
	end
	local uv, vv = 0, 0
	for i = 1, n do
		uv = uv + u[i] * v[i]
		vv = vv + v[i] * v[i]
	end
	return math.sqrt(uv / vv)
end

function all.strings(n)
	local parts, total = {}, 0
	for i = 1, n do
		parts[#parts + 1] = string.format("%d:%s", i, string.rep("x", i % 50))
		if #parts == 1000 then
			local text = table.concat(parts, ",")
			total = total + #text:gsub("x+", "y"):upper()
			for word in text:gmatch("%d+") do total = total + #word end
			parts = {}
		end
	end
	return total
end

function all.tables(n)
	local seed, list = 1, {}
	for i = 1, n do
		seed = (seed * 16807) % 2147483647
		list[i] = seed
	end
	table.sort(list)
	local set = {}
	for _, v in ipairs(list) do set["k" .. v % 5000] = v end
	local sum = 0
	for _, v in pairs(set) do sum = sum + v % 7 end
	return sum
end

print(arg[1], all[arg[1]](tonumber(arg[2])))
