# SPDX-License-Identifier: Apache-2.0
# cmake -DOUT=stock.c -DROOT=policies -DNAMES="update/rolling;…" -P embed.cmake
# Writes the stock policies as C arrays: the binary needs no files to run.
set(arrays "")
set(table "")
set(number 0)
foreach(name IN LISTS NAMES)
    file(READ "${ROOT}/${name}.lua" bytes HEX)
    string(LENGTH "${bytes}" length)
    math(EXPR length "${length} / 2")
    string(REGEX REPLACE "([0-9a-f][0-9a-f])" "0x\\1," bytes "${bytes}")
    string(REGEX REPLACE "(0x..,0x..,0x..,0x..,0x..,0x..,0x..,0x..,0x..,0x..,0x..,0x..,0x..,0x..,)" "\\1\n    " bytes "${bytes}")
    string(APPEND arrays "static const unsigned char text_${number}[] = {\n    ${bytes}0x00};\n")
    string(APPEND table "    {\"${name}\", (const char *)text_${number}, ${length}},\n")
    math(EXPR number "${number} + 1")
endforeach()
file(WRITE "${OUT}" "/* Generated from policies/ by core/policy/embed.cmake. */
#include \"policy/stock.h\"

${arrays}
const struct moon_stock moon_stock_policies[] = {
${table}    {NULL, NULL, 0},
};
")
