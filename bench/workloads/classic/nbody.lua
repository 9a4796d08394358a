-- Five bodies under gravity, stepped in double precision; the energy shows that the steps were right.
local scale = ...
local STEPS, STEP_DAYS = 7000000 * scale, 0.01
local SOLAR_MASS, DAYS_PER_YEAR = 4 * math.pi ^ 2, 365.24

local function body(x, y, z, vx, vy, vz, mass)
    return {x = x, y = y, z = z, vx = vx * DAYS_PER_YEAR, vy = vy * DAYS_PER_YEAR, vz = vz * DAYS_PER_YEAR,
            mass = mass * SOLAR_MASS}
end

local bodies = {
    body(0, 0, 0, 0, 0, 0, 1),
    body(4.84, -1.16, -0.1036, 0.00166, 0.0077, -0.000069, 0.000955),
    body(8.343, 4.125, -0.4035, -0.00277, 0.005, 0.000023, 0.000286),
    body(12.894, -15.111, -0.2233, 0.00296, 0.00238, -0.00003, 0.0000437),
    body(15.379, -25.919, 0.1793, 0.00268, 0.00163, -0.000095, 0.0000515),
}

local function advance(count, step)
    for i = 1, count do
        local a = bodies[i]
        local ax, ay, az, vx, vy, vz = a.x, a.y, a.z, a.vx, a.vy, a.vz
        for j = i + 1, count do
            local b = bodies[j]
            local dx, dy, dz = ax - b.x, ay - b.y, az - b.z
            local distance2 = dx * dx + dy * dy + dz * dz
            local pull = step / (distance2 * math.sqrt(distance2))
            local to_a, to_b = b.mass * pull, a.mass * pull
            vx, vy, vz = vx - dx * to_a, vy - dy * to_a, vz - dz * to_a
            b.vx, b.vy, b.vz = b.vx + dx * to_b, b.vy + dy * to_b, b.vz + dz * to_b
        end
        a.vx, a.vy, a.vz = vx, vy, vz
        a.x, a.y, a.z = ax + step * vx, ay + step * vy, az + step * vz
    end
end

local function energy(count)
    local sum = 0
    for i = 1, count do
        local a = bodies[i]
        sum = sum + a.mass * (a.vx ^ 2 + a.vy ^ 2 + a.vz ^ 2) / 2
        for j = i + 1, count do
            local b = bodies[j]
            sum = sum - a.mass * b.mass / math.sqrt((a.x - b.x) ^ 2 + (a.y - b.y) ^ 2 + (a.z - b.z) ^ 2)
        end
    end
    return sum
end

for _ = 1, STEPS do advance(#bodies, STEP_DAYS) end
return ("%.6f"):format(energy(#bodies))
