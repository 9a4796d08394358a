-- Digits of pi by Machin's formula, 16 atan(1/5) - 4 atan(1/239), on big numbers that are fresh arrays for each operation:
-- limbs of 24 bits, first the integer part, then the fraction.
local scale = ...
local DIGITS, ROUNDS = 2000, math.ceil(75 * scale)
local BASE = 2 ^ 24
local LIMBS = math.ceil(DIGITS * math.log(10) / math.log(BASE)) + 3

local function divide(number, divisor)
    local result, remainder = {}, 0
    for i = 1, LIMBS do
        local value = remainder * BASE + number[i]
        result[i] = math.floor(value / divisor)
        remainder = value - result[i] * divisor
    end
    return result
end

-- a + factor * b, for a small factor of either sign.
local function add(a, b, factor)
    local result, carry = {}, 0
    for i = LIMBS, 1, -1 do
        local value = a[i] + b[i] * factor + carry
        carry = math.floor(value / BASE)
        result[i] = value - carry * BASE
    end
    return result
end

local function small(integer)
    local number = {integer}
    for i = 2, LIMBS do number[i] = 0 end
    return number
end

local function arctangent_of_inverse(x)
    local power = divide(small(1), x)
    local sum, odd, sign = power, 1, 1
    for _ = 1, DIGITS * math.log(10) / math.log(x * x) + 2 do
        power, odd, sign = divide(power, x * x), odd + 2, -sign
        sum = add(sum, divide(power, odd), sign)
    end
    return sum
end

local function last_digits(number)
    for _ = 1, DIGITS / 5 do
        number[1] = 0
        number = add(small(0), number, 100000)
    end
    return ("%05d"):format(number[1])
end

local digits
for _ = 1, ROUNDS do
    local pi = add(add(small(0), arctangent_of_inverse(5), 16), arctangent_of_inverse(239), -4)
    digits = last_digits(pi)
end
return digits
