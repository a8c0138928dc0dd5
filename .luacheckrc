-- SPDX-License-Identifier: Apache-2.0
-- What a policy finds in its sandbox; nothing else is defined there. Made by `moonset policy doc
-- --luacheckrc`.
std = "none"
read_globals = {
  "assert", "error", "getmetatable", "ipairs", "next", "pairs", "pcall", "rawequal", "rawget",
  "rawlen", "require", "select", "setmetatable", "tonumber", "tostring", "type",
  math = {
    fields = {
      "abs", "ceil", "exp", "floor", "fmod", "huge", "log", "max", "maxinteger", "min",
      "mininteger", "modf", "sqrt", "tointeger", "type", "ult",
    },
  },
  moonset = {
    fields = {
      "affinity_matches", "api", "bucket", "duration", "event", "glob", "has", "hash", "intstr",
      "json", "kv", "list", "log", "metric", "peer", "quantity", "sample", "selector", "semver",
      "spairs", "time", "tolerated", "untolerated", "version",
      json = {
        fields = {
          "decode", "encode",
        },
      },
      kv = {
        fields = {
          "del", "get", "set",
        },
      },
      list = {
        fields = {
          "filter", "find", "group", "map", "max", "min", "sum",
        },
      },
      log = {
        fields = {
          "debug", "error", "info", "warn",
        },
      },
      metric = {
        fields = {
          "inc", "observe", "set",
        },
      },
      semver = {
        fields = {
          "eq", "lt", "parse", "satisfies",
        },
      },
      time = {
        fields = {
          "cron", "date", "window",
        },
      },
    },
  },
  string = {
    fields = {
      "byte", "char", "find", "format", "gmatch", "gsub", "len", "lower", "match", "rep",
      "reverse", "sub", "upper",
    },
  },
  table = {
    fields = {
      "concat", "insert", "move", "pack", "remove", "sort", "unpack",
    },
  },
  utf8 = {
    fields = {
      "char", "charpattern", "codepoint", "codes", "len", "offset",
    },
  },
}
max_line_length = 110
unused_args = false -- hooks are called with more than each needs
exclude_files = { ".luacheckrc", "**/meta/*.lua" }
