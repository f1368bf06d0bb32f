/**
 * The ziggurat's tables for the normal distribution, as NumPy has them.
 *
 * The layers follow from a recurrence (Marsaglia and Tsang 2000), but NumPy's constants were rounded
 * from a higher precision: the recurrence in float64 misses 37 of 256 widths by a last bit, and
 * each miss shows in every hundredth draw. So the numbers are kept: 3 x 256 float64, little-endian.
 *
 * Source: the arrays wi_double, ki_double and fi_double of NumPy 2.4.6's libnpyrandom.a.
 */

/** The three tables, one entry per layer. */
export interface ZigguratTables {
  /** A layer's width over 2^52: times the 52-bit magnitude gives the draw. */
  readonly scale: Float64Array;
  /** Magnitudes below this lie inside the layer for certain; integers below 2^53. */
  readonly threshold: Float64Array;
  /** exp(-x^2 / 2) at the layer's edge. */
  readonly density: Float64Array;
}

const LAYERS = 256;

const TABLES_BASE64 = [
  "edkVeDtJzzzG9v3jC42LPLRbLDyvUJI8YTtEOLl8lTwMpy/o/AGYPLzQTC4MI5o892E4L00AnDx0cnRaL6ydPMPVTC1IMp",
  "88rbuOJzJNoDxDXQI7BfWgPHc2QZemkqE89Rp6j6InojyA2GM4LrWiPPWRV8A/PKM8L7GiwZ69ozxVm/+N7zmkPKf+PTa7",
  "saQ8dNMaYnUlpTyWzgengJWlPOp+2c8xAqY8PXyjYdJrpjxwBQCSotKmPKb4RtPaNqc8dyqzEK2YpzxD9UatRfinPHcKQ1",
  "PMVag8mnZ7nmSxqDyYz06pLgupPOoeLIJHY6k8RsU4jsm5qTwsp6TczA6qPFnNd21nYqo8MBYQbq20qjycbBNtsQWrPCl6",
  "QoeEVas8Op9Sjjakqzwygr8q1vGrPPNOWflwPqw8YTsypROKrDyLJnL+ydSsPEi3gA6fHq08EB/kKZ1nrTzDuCMAzq+tPF",
  "N28ak69608/u3Stes9rjwAb3oz6YOuPM6C+b06ya48JmLwhOcNrzyI9thU9lGvPK7Xh55tla88rC76fVPYrzzsNELgVg2w",
  "PJqPOfVALrA8/KUWnupOsDwQoHJbVm+wPAv0cZCGj7A8E2G8hH2vsDx/zEtmPc+wPGsIFkvI7rA87hWVMiAOsTy+DzEHRy",
  "2xPEGRjp8+TLE8HiDEvwhrsTw02ngap4mxPIht7lEbqLE8yyr4+GbGsTwu1OCTi+SxPJ+gQJmKArI86cbEcmUgsjwfw+l9",
  "HT6yPPtrqQy0W7I8f9MdZip5sjwb1xnHgZayPNouuGK7s7I8U7jhYtjQsjyOqcvo2e2yPNdIbg3BCrM8MLn04Y4nszyhXi",
  "ZwRESzPNVSyrriYLM8algFvmp9szxksrJv3ZmzPAM9uL87trM84B1WmIbSszyDWnLevu6zPHSe4HHlCrQ8XXSmLfsmtDyk",
  "MDzoAEO0PF3HynP3XrQ8NsNmnt96tDwvj0gyupa0PF1BAvaHsrQ83BGzrEnOtDwFpjgWAOq0PGJVXu+rBbU8WosK8k0htT",
  "xPZmrV5jy1PMiyG053WLU8eF9VDgB0tTwUhQ7GgY+1PFkbJCP9qrU8PXN90XLGtTzTjC974+G1PDhen8hP/bU8wx+jYLgY",
  "tjyisKLoHTS2PAsmtwSBT7Y8cpbJV+Jqtjw3MbGDQoa2PLGyUCmiobY8u0Oz6AG9tjxS0yhhYti2PFT4YTHE87Y862iL9y",
  "cPtzzGFGlRjiq3PNzucNz3Rbc8H3PlNWVhtzxJ9O/61ny3PJO9ushNmLc8CRSLPMqztzz7ItvzTM+3POfec4zW6rc8H+qG",
  "pGcGuDx2hsjaACK4PBWfic6iPbg8vfXRH05ZuDzFfnpvA3W4PC33R1/DkLg8Q8AFko6suDycDKGrZci4PCdqRFFJ5Lg8j7",
  "VzKToAuTxHgyjcOBy5PPwK7xJGOLk8iqIDeWJUuTzu1XC7jnC5PDEqLonLjLk8v5k/kxmpuTws2dWMecW5PBF0byvs4bk8",
  "StL6JnL+uTySNvk5DBu6PFvIoiG7N7o8iLsLnn9UujykqUpyWnG6PD0xoGRMjro8CPGfPlarujzO9VrNeMi6PDazi+G05b",
  "o8GqHDTwsDuzxbmJrwfCC7PAAM4KAKPrs8Az3OQbVbuzwniT+5fXm7PDz35fFkl7s8biWF22u1uzyiwC5rk9O7PIOugZvc",
  "8bs8oBbsbEgQvDwtevDl1y68PBwNbhOMTbw8BYfsCGZsvDwXpuvgZou8PKuiNr2Pqrw8kNY7x+HJvDw34GgwXum8PG6Piz",
  "IGCb08IO83ENsovTxHxjMV3ki9PCPx55YQab08pfvX9HOJvTxwbiCZCaq9PA5J/PjSyr08Ny5SldHrvTwc0kn7Bg2+PPZG",
  "6sR0Lr48iNHBmRxQvjwl/pcvAHK+PAq/KkshlL48CG/3wIG2vjw6pxB2I9m+PKnsAWEI/L48IVPCijIfvzxtTbcPpEK/PG",
  "gBySBfZr88gpeJBGaKvzy/InEYu66/PIXnL9Jg0788C/YYwVn4vzx1oNNH1A7APEfJjwKoIcA8qwKpg6k0wDzH9T5O2kfA",
  "PH6zrfY7W8A8aCanI9BuwDwXLmOPmILAPFSi6AiXlsA8xMBxdc2qwDxI1O7RPb/APDA9qjTq08A8k2URz9TowDy2n6bv//",
  "3APEFwIARuE8E8NV27myEpwTxtCcRpHT/BPDsuYEhkVcE88+6dO/lrwTxhEtJ034LBPKzrTlYamsE8ji9/d62xwTyUpnGp",
  "nMnBPDmu5Pvr4cE8Adniwp/6wTyBzASdvBPCPO7Tb3pHLcI8JJyspEVHwjzgWHbHvGHCPC5ZqPqyfMI8eA53zS6YwjxSCi",
  "pTN7TCPJfbljHU0MI89XipsQ3uwjzurlbS7AvDPKOkaF57KsM8oxKuBcRJwzxAqDN60mnDPApBVpKzisM8+oiucHWswzym",
  "BBezJ8/DPHX0YKrb8sM82uW5nKQXxDyUXlQVmD3EPBU6p0TOZMQ8vEOcdWKNxDwnWmudc7fEPAKJzQ0l48Q8QazpU58QxT",
  "xCfjpSEUDFPBvkSqmxccU82Y1xi8ClxTz+0DokitzFPEwehs9pFsY86moAe85TxjzD5Z++QJXGPDLiCY1r28Y8NHpf8Cgn",
  "xzxzBglWlXnHPIzO1vQt1Mc8NPIpBQM5yDwUfKq/D6vIPJZEb5TgLsk8q1dAAe7LyTxad5R43I/KPLH9eDgfmMs8M60Jgr",
  "Q7zTzU3ksAe+YtQwAAAAAAAAAAUI33MX0RKEOEAnv1qUYrQ9Tdg/3soyxD/O6n06tkLUNylf0Cl94tQ1SJ9BWOMi5DMJb/",
  "w9pvLkO4SsIqjZ4uQyxHN8hLwy5DSC2n6vTgLkM0iVDYZfkuQ6avxhjiDS9DvEsGr0wfL0O0oZuOSS4vQxLqtw9SOy9D6P",
  "QD68FGL0Pwl7a831AvQ7ippsHiWS9DHnIxzvZhL0OM6aYaP2kvQ+78zUbYby9DHMpD09l1L0PaFwg6V3svQ67Y/sFggC9D",
  "kERvIASFL0Oit8T1TIkvQ2Lc9S5FjS9DSC1RUvWQL0MKvZe8ZJQvQzRGBNKZly9DiHPwJZqaL0My2R+bap0vQ2CSO34PoC",
  "9DzImtm4yiL0Og6MVR5aQvQzyS4Z8cpy9D8GghMzWpL0OmHiRxMasvQ9gzHYETrS9DZNCRU92uL0PQEfaokLAvQxhZWhcv",
  "si9DpFtPD7qzL0MYvSDgMrUvQ0BcgLuati9DoPm3uPK3L0P6NHPXO7kvQzrlMAJ3ui9DIF9oEKW7L0PIPm3IxrwvQ5yiGu",
  "HcvS9DXGhNA+i+L0OA2jPL6L8vQ+RJeMnfwC9DsERLhM3BL0OYcFF4ssIvQzJ/eBmPwy9DVDm202PEL0MiN7QLMcUvQwyD",
  "ah/3xS9DlBqrZrbGL0NUAKAzb8cvQ/5aPdMhyC9DaO6ojc7IL0O4EpimdckvQ0gqpV0Xyi9D8Hid7rPKL0MkJMiRS8svQx",
  "INJ3zeyy9D8CCy32zML0Pwqo3r9swvQ1QjPMx8zS9D5OnLq/7NL0METgGyfM4vQ3I8fQT3zi9DROHgxm3PL0OGhO4a4c8v",
  "QxjhpyBR0C9DdC5q9r3QL0PIEAi5J9EvQ3id4YOO0S9D7J36cPLRL0M6Ng+ZU9IvQ9QRpxOy0i9DRDUn9w3TL0PMkOJYZ9",
  "MvQ6ptKU2+0y9D+MxX5xLUL0NIzeI5ZdQvQ1gqZVa11C9DNOiqTQPVL0PgObwvT9UvQ0Cy5wuZ1S9DeMzL8ODVL0Mm2F/s",
  "JtYvQ5RU/Atr1i9DaMViXK3WL0P0CcXp7dYvQyhAzL8s1y9D+Dqf6WnXL0Ogk+hxpdcvQ3xc3GLf1y9D0Hs9xhfYL0MqtG",
  "KlTtgvQ6ZfOwmE2C9DLONT+rfYL0Po3dmA6tgvQ2gZoKQb2S9DJD4ibUvZL0P8T4jhedkvQyr2qQin2S9DZpER6dLZL0Nu",
  "I/+I/dkvQ1AKa+4m2i9DBpIIH0/aL0OYXkggdtovQ9ywWveb2i9DuocxqcDaL0PQn4I65NovQwRTya8G2y9DkFlIDSjbL0",
  "MIbgtXSNsvQ2jV6JBn2y9DpMyCvoXbL0Ok3EjjotsvQ6YVeQK/2y9DADMhH9rbL0MoqB889NsvQ4iXJFwN3C9DDLSygSXc",
  "L0PADSCvPNwvQ0jKluZS3C9DeMkVKmjcL0N4NnF7fNwvQ+gFU9yP3C9DDGE7TqLcL0OC/oDSs9wvQ1xoUWrE3C9D4i+xFt",
  "TcL0P0DnzY4twvQwT3ZLDw3C9DdA32nv3cL0NklZCkCd0vQ4bGbMEU3S9DopCZ9R7dL0O0S/xAKN0vQ9RTUKMw3S9DuJAm",
  "HDjdL0Po5+SqPt0vQ1yZxU5E3S9DWIXWBkndL0PiWvjRTN0vQ/St3a5P3S9DFPQJnFHdL0N2ZtCXUt0vQyDIUqBS3S9DvA",
  "6As1HdL0Oo7BLPT90vQ0g6kPBM3S9DBj1FFUndL0O0yUU6RN0vQ0hAalw+3S9DXF5NeDfdL0PI5UmKL90vQ3QUeI4m3S9D",
  "LOqqgBzdL0P0OG1cEd0vQ/p7/hwF3S9DEHFPvffcL0P+b/436dwvQ7x6U4fZ3C9D/AA8pcjcL0MQUUaLttwvQ2yvnDKj3C",
  "9Dng0AlI7cL0OgWMKneNwvQ7BVwGVh3C9DCgRbxUjcL0O0eHC9LtwvQ44oVEQT3C9DmJPGT/bbL0PYQuzU19svQ/wIRMi3",
  "2y9DpnOcHZbbL0PoWQjIctsvQ5Jx0rlN2y9DGtNv5CbbL0NsUHE4/tovQ1aAc6XT2i9DAFwNGqfaL0NESL2DeNovQ7Bf1M",
  "5H2i9DiMxf5hTaL0No/A+039kvQ3BvHSCo2S9DaN0qEW7ZL0OCYSRsMdkvQ/BSGxTy2C9D/GMe6q/YL0PEkg3NatgvQ2pm",
  "aZki2C9DoN8cKdfXL0MkbUFTiNcvQ7gZ3Os11y9DhAqTw9/WL0M8P1qnhdYvQ5ZaFmAn1i9D0gU0ssTVL0OuRDJdXdUvQ0",
  "zGHRvx1C9Dyuf6n3/UL0PssxuZCNQvQ3asXqyL0y9DSI9SdwjTL0NQjjqOftIvQ6yL7Xrt0S9DzNGJu1TRL0PUY/XAs9Av",
  "Q4BSIe0J0C9DgGcEkVbPL0NK1T7qmM4vQwREVSDQzS9DsFdtQfvML0P8YHA+GcwvQ4TuceYoyy9DAOUu4SjKL0Ow6G2oF8",
  "kvQ248+n/zxy9DOGPda7rGL0P8yV8kasUvQ66qMgcAxC9DKAbxBHnCL0Ngz9yJ0cAvQ1TjVmAFvy9DVP39ig+9L0P6d4wT",
  "6rovQyZ+U8qNuC9DBAVc8PG1L0PqdGXDC7MvQwiekd7Nry9DFsp6WyesL0Mk4MWTAqgvQ1iPaU9Doy9DPD/sCMSdL0NkI7",
  "ywUZcvQ0Ramt2kjy9D2kU8XlaGL0N0cIEDy3ovQ2ioAIgNbC9D6FBUsIBYL0MwiwI8Lj0vQ/g7SJH0Ey9DWGDg74vNLkOU",
  "OGaWtDQuQwAAAAAAAPA/h/B5yWpE7z8VqWxbVLfuP3fwJ+ARP+4/ld4Ep2/T7T/yvFcGknDtP9wZoXhJFO0/6y2nqDO97D",
  "9/eKnOXmrsP+q67tkcG+w/gtzhTuvO6z9S9Y86ZYXrPxDdNII6Pus/ouhsPyr56j8EJXrx/rXqP+HJUNWLdOo/D6/1/ao0",
  "6j/YH2XuO/bpP4EGJI0iuek/wXphV0Z96T9HehvCkULpP09xMb3xCOk/qArmT1XQ6D8C37pIrZjoP6y8N/zrYeg/bs9WDw",
  "Us6D/L4iBL7fbnP1honHeawuc/1bCgPAOP5z9W2HAHH1znPxJtP/TlKec/7nrqulD45j+JWmOeWMfmPyo7UV73luY/I+OS",
  "Kidn5j8YDFWY4jfmP2UmgJgkCeY/av9Kb+ja5T+JXMisKa3lP4+NTCbkf+U/Rp6N8BNT5T/VbGVatSblP2e2IOjE+uQ/wE",
  "5JTz/P5D94UtxyIaTkPxJQ319oeeQ/eTZJShFP5D/jXzWKGSXkP4JbWJl+++M/ozGvED7S4z8OzWKmVanjP9UA2ivDgOM/",
  "6VD1i4RY4z81OnDJlzDjP+84ZP36COM/7jvqVazh4j9KldcUqrriPxXNk47yk+I/7QQFKYRt4j+E25BaXUfiP/L3L6l8Ie",
  "I/IJaSqeD74T9pmVT+h9bhPxHRP1dxseE/UDybcJuM4T/aOYYSBWjhP5ypXhCtQ+E/OB8xSJIf4T8TWTKis/vgP6BCQRAQ",
  "2OA/rtlwjaa04D+BXZkddpHgPzY88Mx9buA/Lj+mr7xL4D8qgovhMSngP8TKuIXcBuA/ob17jHfJ3z/KAKmnnYXfP/N6L8",
  "spQt8/lY9+cRr/3j9UH70gbrzeP8XDTmojet4/hZtf6jg43j8JOnZHrfbdP7FWCzJ/td0/M94mZK103T+AEAKhNjTdP21b",
  "rrQZ9Nw/SKjAc1W03D/H1wC76HTcP7gsHW/SNdw/F2phfBH32z+RbXHWpLjbPxsTB3iLets/yjGzYsQ82z9ShaGeTv/aP5",
  "5aXzopwto/gNikSlOF2j9NwCDqy0jaPz6ERjmSDNo/35MeXqXQ2T/GwBiEBJXZP5Of4NuuWdk/F8szm6Me2T8V8bn84ePY",
  "P4iR3j9pqdg/tlqsqDhv2D/ZDap/TzXYPxHZuBGt+9c/sBT0r1DC1z/rUpKvOYnXP+2xx2lnUNc/TGGpO9kX1z+qTBKGjt",
  "/WPyHeiK2Gp9Y/4sslGsFv1j8V5Xs3PTjWP8jSgHT6ANY/RMJ2Q/jJ1T++7tYZNpPVPwABPXCzXNU/7TtTwm8m1T+Sbb+O",
  "avDUP6KcEFejutQ/1GqtnxmF1D/+JMPvzE/UPxl6NdG8GtQ/29KO0Ojl0z+uQ/F8ULHTP3kTCGjzfNM/ntH5JdFI0z8v9l",
  "pN6RTTP2YHIXc74dI/3T+WPset0j8esU1BjHrSP4neFx+KR9I/nsz3ecAU0j8WgRj2LuLRP1DwwjnVr9E/6FRU7bJ90T9n",
  "7jS7x0vRPyMkz08TGtE/xAmHWZXo0D/aQrKITbfQPzZDkI87htA/2elCIl9V0D9+dMf2tyTQP8WT34mL6M8/NTK4jBCIzz",
  "/SmOls/ifPP0ScyaRUyM4/3TwoshJpzj+EcUUWOArOPwqQx1XEq80/T1Gy+LZNzT/Mb16KD/DMP1PfcZnNksw/R53Yt/A1",
  "zD+hGL56eNnLP6oxh3pkfcs/OtHMUrQhyz8HGFeiZ8bKP34mGQt+a8o/PX4tMvcQyj9a/tK/0rbJPyd8al8QXck/afp0v6",
  "8DyT9bgZKRsKrIPziagYoSUsg/dXEfYtX5xz8jo2jT+KHHP6a1epx8Ssc/FkeWfmDzxj9c8iE+pJzGP5zxraJHRsY/+YP4",
  "dkrwxT9sHfOIrJrFPzVoyKltRcU/wR/jrY3wxD8tzvVsDJzEP9V1A8LpR8Q/rjFpiyX0wz/u1+iqv6DDP4irtAW4TcM/ZS",
  "p8hA77wj8aB3oTw6jCP7deg6LVVsI/NDwYJUYFwj9CfXWSFLTBP2MtqOVAY8E/uW6iHcsSwT+6CVI9s8LAP4W/uEv5csA/",
  "Kn0GVJ0jwD8sImvLPqm/PxwOUin/C78/S6Wa8ntvvj+P6HZhtdO9P+WRvbmrOL0/CnQ7SV+evD8VEAto0AS8PzPi8nj/a7",
  "s/M/bK6ezTuj+GYuozmTy6PxlbndwEprk/q6CkdTAQuT9SKL+dHHu4P9bvPgHK5rc/dhGqWjlTtz9MSmlza8C2PxhNhSRh",
  "LrY/pGZ0VxudtT+uK/oGmwy1PxMiG0DhfLQ/hpomI+/tsz9wPtnkxV+zPxExm89m0rI/kQ3dRNNFsj99iZe+DLqxP50X8t",
  "AUL7E/JZYVLO2ksD+X5DCelxuwPzVubCssJq8/gVGyR9UWrj9i8a3+LgmtPywqKA8+/as/cF84kAfzqj9jVSn5kOqpP6u1",
  "aCrg46g/Hievd/vepz9k0Jiz6dumP9St8jyy2qU/XScRDl3bpD/L7pjO8t2jP5f0Peh84qI/vGofnwXpoT8RgJYumPGgP8",
  "SlGNeB+J8/dYyC2xoSnj8aCc2DGTCcP/jrIk6fUpo/CsEAttF5mD+Cvwv02qWWP2Sw+/Lq1pQ/E16rjTgNkz8SMGA0A0mR",
  "P0ndck8qFY8/rI9PJ42kiz94pI0NBEGIP+DPGkKW64Q/ki+VKZKlgT83aOz4YOF8P124DNmonnY//bGwAx+KcD9nsMFDn1",
  "9lPw/3ubYFplQ/",
];

let tables: ZigguratTables | undefined;

/** Returns the tables, decoded at the first call. */
export function zigguratTables(): ZigguratTables {
  if (tables === undefined) {
    const bytes = Uint8Array.fromBase64(TABLES_BASE64.join(""));
    const numbers = new Float64Array(bytes.buffer); // little-endian, as every target is
    tables = {
      scale: numbers.subarray(0, LAYERS),
      threshold: numbers.subarray(LAYERS, 2 * LAYERS),
      density: numbers.subarray(2 * LAYERS),
    };
  }
  return tables;
}
