"""Files that pybpe's native format wrote before the rooms of this package: base85 of zlib of the whole file.

Of each kind: the content, the fingerprint, and the ids of TEXTS with disallowed_special=().
"""

from __future__ import annotations

TEXTS = ("low lower  newest wider\n", "中文 é e\u0301 <x> 12345", "Hello <s>")

SAVED = {
    "merges": (
        "c-osB5a|@)%FD&Xz`$?~h}jq!z<?i0vq30^YNevmoKz(%rQFn_^weS{9i@WAl9JS-JfM)ehJB`0ba6^<No-9{PEA>AO;M_5O>|sL"
        "Oi@fsUQA3uwNEXG^s9}v*M@MlYajyEhC0TzH4641#l<KpwY8%m`eU_#YKygCJP=1)!(K5aCRh{920Ep<AT>ENF(<wxKRY$ASjnnd"
        "$)+YXFC{;%B(<WX#!kt~$jqo#N2xR~GdVv6<OxGFJp(-hrCN|DNAV~g#Um3lK`}EBvmo&q7@3$^SlQS)IJvlac=`AR1cih}M8(7<"
        "B&DQfWaZ=)6qS@!RMpfqG_|yKboKNN42_IUOwG(KEUm0<Z0+nF9G#q9T;1F~JiWYqeEs|b0)v7>Lc_u%BBP>XV&mcy5|ffsQq$5i"
        "GPAOCa`W;F3X6(MO3TVCDyyn%YU}D78k?G1THD$?I=i}idi(k(Oq?`%%G7DoXUv>6d(PZ>^A{{!w0OzVWy@ErT(x@5+I8zUY}~YY"
        "%hqk%ckJA?d(Yl|`wtvEboj{8W5-XNJazia*>mSFT)cGo%GGPvZ`{0f`_A2a_a8ib^!UlsXU|`}eD(Ux+js9jeEjtJ%hzw;fBgLQ"
        "`_JEh|5J-{@^kXb6+k#op*$5BB1H_4Fv|f_`5-1E1eb$?3`i?LX=W%p4-}+OHb@OCkez-%dx;#&&I704epoJX|J?(v3bzRpnM=Lw"
        "fA;_9kDh-M00sHzp#",
        "a26458f96c0fee0535ddecda02568d228cbc7ca4a7a12e08883e05f25072f423",
        [
            [258, 259, 256, 32, 260, 101, 119, 101, 115, 116, 261, 105, 100, 256, 10],
            [228, 184, 173, 230, 150, 135, 32, 195, 169, 32, 101, 204, 129, 32, 60, 120, 62, 32, 49, 50, 51, 52, 53],
            [72, 101, 108, 257, 32, 60, 115, 62],
        ],
    ),
    "ranks": (
        "c-osB5a|@)%FD&Xz`$@5h}jq!z<?i0vq30^YNevmoKz(%rJ}^V>|!MyrGmtglGLI+poqGLeWq1(aY}AUY)wv1O<8J9QL1K5bX-hK"
        "QA|u;OiV$wPc4Y_tBtkShH$lOAOh8fI>xm%3icqy#V9JZwWA^WW3_;4i?v`p5Jy|XUNI&nSQE?!I;FTEH90deC%z;<J2kIZ$*Nk("
        "rY5n*PRYv1%t!~wPJ*&)b(Bi;GL!RDK>jc^(=*UBP^ty_a}<x_Q9Lp+6BIK8F$)r(fsu)sg_Vt+gOiJ!hnJ6EKu}0nL{v;%LQ+av"
        "MpjN<K~YIrMO95*LsLszM^{hZz|hFp#MI2(!qUpx#@5c>!O_Xt#nsK-!_&*#$Jft4ATTI6Bs45MA~GsECN?fUAu%aAB{eNQBQq;I"
        "CpRy@ps=X8q_nKOqOz*GrnauWp|PpCrM0cSqqD2Kr?;<v!o*3Fr%atTea6gLv**m6H-EvxMT?g#UABD1%2lh^tX;Q$!^TaUw`|?E"
        "eaFsSyZ7wfxBtMwLx+zXJ$C%W$y2A#oIQ8`!o^FMuUx%${l?8(x9{A&cmKh|M~|O8efIpt%U7@8ynXln!^cmbzkL1n{m0K=zyJLG"
        "_dm5LCqE~@Tmgjh6v|V9AyUKu39}p^l@DSvLU1`K$bhs0lxBvq^FTogWrNhP0@(tS*W2CiIkaBo)M|U7gF=S)EJgR-K9lly*NcDM"
        "x3^Ew1^}Go=rs",
        "7a94349989ca76c4254d9f10a842121b725a78944cff0af2739ca0cfc1f91b0c",
        [
            [258, 259, 256, 32, 260, 101, 119, 101, 115, 116, 261, 105, 100, 256, 10],
            [228, 184, 173, 230, 150, 135, 32, 195, 169, 32, 101, 204, 129, 32, 60, 120, 62, 32, 49, 50, 51, 52, 53],
            [72, 101, 108, 257, 32, 60, 115, 62],
        ],
    ),
    "scores": (
        "c-rlkXK++y6o!|s2sZ4Zu2-?Z5$-v+M^F+HX$Apn%t8#=OI#9m;}#Yqu`6~(6tRF66%~8IiW0>xR_q9h*sx(oQQxz!qvQC?AO3N_"
        "nQ!j*-aUKE^PHV;cGl>ciqTa)yLXC2B1^hQB1VTuVGJ!E{}|Jabgnrx%8X1yDjjAFGFs}h*)W~NsoGd98H=T3vFy0kXy4lL(LZy)"
        ")@VP}W?I6AM16BzHq{g+Ge+5TV_+`Xw4YICk})uYBjY$g7lK7=n2e_;X2Yr3R-Ccg$jBuV4XL=^p56Xte-oEXhxPG9vQe*<36t3{"
        "*%0bFo|`;*T3t&zoS2wulx5So5O+sib6A&Ysc*oO7f!a}qQy7S3lvvId1;hJX_Q83{0C!5VNS{8P>oqtS;!hwnyWQeHfk=ft|~9D"
        "sI0)MF+T=TbCu?bF`8>M57UhABPTSEDC8Q=Da|7%Y0hiTX|C4KD~D?~HILHID+||mtE&bXy6rS2Q~6|Jn<}pBbX&qs5sl@<w7n>*"
        "CQQqQb%{9kk6N1?a>*l~0%DVxiG|oAwuv2Lm)Ilri31Xogh_<NBC$yv5|_jy@ks)*OtP3PA<H7mCd(nqCCekrCo3S^B%8?=vMsW0"
        "vK_KrvOThWvIBBVa+n+;$07$0<dEZ%<B{W&6Oe0?%j62V7P&ULcwU!Wk6fSJfIO2tCQrz-$g|0F$iwS+<oV<U<eTI(`9i)$zD>SE"
        "zDqvd)+axpz@&gF5DF{`YziC-Tnao207Gd2hY21gfS4d+0*MJGCZL$0Vgieax&k)TDL5sk=#-tpQ+kRI{1^aPlrQSQkO7fFk%5uH"
        "kpYrHl7W)Jk}Va1I^bmRWB_FlWgulRWk6+6Wng7njiC-?8E6@78E_eN8F(3d8Gspt*-^Eq17rqe24)6l251Ip25JUt25fe<2T%vz"
        "4B!mn4CD;v4CoB%4D1Z<>}j*04(J)|8SokO8Tc9e83Gsv7z)_eu0kCwFf=ecFhnp+FjO#HFk~=naG>p{{f7pG4}lMX4>U6-x)44D"
        "J_J4lK7_SVQ3oFa9|9i&9|9i&9|9ku{j3dL=xEewPis?aS8H2qUu$E-hroxxhgjPBsDlrI4}lMX4}lMX4}lMX4}lM{^*4e#_z?II"
        "_z?II_z?II_z?II_z*{bOsInofe(QXae{GeZIQo?4y9R|rTM>|9g9={`F8$G?)VR%>9JdJt+VUDxL2p*jCAPOsdJaE-8R~|`zAel"
        "Zo1j#TWr~DtF5=$cDwC&*s=FcJMR+R)!1$KK6~uB*WP{m(LVhLnAqNI$MyW6Y~O){_S=7OdBu>*ssn}&8$M#>fz_i98a-z0!G|1r"
        "*x^Ui99bJ1H@@zu`Uws3aAM=piAhb(lar~IW73&yZc2XYv}32YwjFo;2`8R(@+qgDHska&&OGbvbIv{Q{FxWby6~de7tgum(#tNN"
        "JMW4sue$o0Yv*5g{S6Clyy@nJx7>Q$?RVUH*WLHryXe0AA9(PghZjHc=#uuw9$)&zlTSVU%(KruzwCt<UwZkKSC_x``WtV)_4Yd}"
        "-d(xsz4uptu;#;$KK|s>wV!?d#g|{L`}&)2zx)1&AJ_l%^M+r34b#o3=2Sk48D_$KA|6df^U?MN(bbC<hMBA$*36y}=EHO%9;ORr"
        ">1dd5PNngGKa*`=@O#0`xnsKw=4HK>R%O>WEN+*Tz1Pm0zhTbu`W1avg+11F{S7}ERb&",
        "1c27ab3453ccaed991acc993c4101664f653fc92eb79fb5b993c4e882e5ff303",
        [
            [263, 275, 267, 265, 271, 268, 274, 14],
            [272, 269, 276, 277, 208, 133, 276, 64, 124, 66, 276, 53, 54, 55, 56, 57],
            [276, 76, 277, 279, 261, 276, 64, 285, 66],
        ],
    ),
    "characters": (
        "c-rli_j^-i6vtC2!?HK-cwLMG-t*oaD<}#M92Fd3TH<YTTVg{JZW0T$75CmaP*L21GTb6A6cGmw6vaJp;+}}}`(~8F;}8A;&GVez"
        "cbxl<&*!9>Q#E-^)z}^t<$*w8N#{Uda9JS#5yfZE!Xwb6__>6qgp}x1*LR~?&(A2Nq}?o9NeqXptNrTgY)x};*pSho@RVSo@7C5d"
        "hw&#kZ0PXj;BdT>Nqf<_n}}pn4PG*%gqoDfT(V)55>i`8$tB~_R7`He=16s<ihSR5WAS9YOiZTyX>KAu%kz~`IIL9pUfN5>kP}pD"
        "D6CBI(g`=}p<kU7hRubE8Y~-ieLwES<Qg$gZs5yic4k`cG|`)$^OE`Zijz21xOIBVs;!r8QYL2o{FzES$vslZte4DUEQoIF>tkkS"
        "y>V_LQR_w<+K!LQWxTe1xnf$`dKtjVx<1-0TdA~UB(F0yS6`3q>*TSv!SY|X+A_b@#kSx}7h7$v^FOa2-1_FF*X1FxXu)yeV98t}"
        "LCQ4XO~@6XyfBNm3jRr{1Cj{ZN+|2+JW^_bE>c%wR~(d^#gjQ~AIaou8&iHPf}QH(GfG?FB9T;GBtMhM)wRyFwBS&gXv+8UMOSJm"
        "imbYZWU3KI8NsccNY<N?EllUn5syiDOoBAh$sm&~vdJM<iJ4dsYs5OSL2MFR#5S=*LM4HB1PP6VPQoBzlCVhFBplLI(wH<Xsgb6W"
        "W{_r*W|3x-=8&$E&ZG;{v7=79LApu0MY>J8LxxHQlOf2^$iRUNGE6coGHfy&GF38}OhKkbrcNf#Ym#Y^X_M)YrIN*D39>Y@bg~Sx"
        "a2<;*n=FTHm24(kkgbuelWmY~l8xKiWIN=j<S;pc9E}{E9D^K_9E%*lkTifp1rHTKR1i^tL<JKSP*hM+fkj1L9vku`I7v>Tlk6ls"
        "Nl)SfKL$V+k}vYWkO7fFk%5uHkpYrHl7W)Jk~Jv;dBDlw$pFeA%0S9s%7DtC%D~FHG=@BoWuRrSWx!?7W#DD-WdLRnW<#n)9w0L)"
        "GcYqaGe9#)Gf*>FGhnkRYXEuR%>d3I&Opv!&VbIK&cM##&Xz0|<N-Z{Jp(?2J_A34KSKb+07C)WvZ{~=3k(em4-63u6ATp$7YrE;"
        "8|=vPll6xJgbx890zL$M2>1~2A>c#6hky^kvQUu+9|ArEd<ggu@FCzsz=x3aEDJhc(a4iEEsI)KwJd8{*RrtTL%@fC524A@M;?3#"
        "_z>_R;6uQNfDZv50zL$M2wi?hkOv<EJ_LLS_z>_R;6uQNfDZv5!jNAk<QZlSDT&fg1b$rP|EiW2`HNN79_`T{?NN*lh>rg;RvIt0"
        "I~Duo+l-gDX$Q(WbS&@Gxl7mWD!O&=(X&_YK7IT3A24vx;O%$Vai^Vk*)_PEvilx;?zQ)jp~HsLh>`oK`0>&W)3Tk=zLoop8omDk"
        "V-7rM?6`vuIrOmchaYj|QB_Azn0U;w#~nXu@(JPUnkkVJ-P&l(tE-<HKdB)xEtyJB_cPht$&E8+&T49IIc4^#r=5PrnP;7S&bjBE"
        "f5C+pU3|%<mt8*RiYu?WdhRvXUN`Uh8|L45)6KWsdfV-HELeEwU5gekS$g+9_uhB^0}np5?BV5)Jo?z<Ppo+Isg+N!dS>;r&prRb"
        "nipSs`IWV=zP9f5H`c%T*4yvA``-H>eE8AFpKSQ_v(LZy@~e$sfAj5k-~aIAPe1?i>u;NW-~7j)fBpSW5a(ODaKp026_umh+MtVm"
        "Z7>+j4`B*Tj07v)X#P`C;RZVZcSl48q6{JX-HIW{yBD8wu1E1HqbH&hqBEjb@%?f{@8X<{KE?IqdwmgIi~WAZTp9h_!~jH>Vhk+i"
        "%Do05maf@6o;NOEJAd`2MY9J~RLyG+tzWgE%gCj3SFBq&X=UTT^Sopy",
        "d2aa4ca589c8bf13753dda9e7220f5595667d00962aacd87186210d327d813c3",
        [
            [
                257,
                109,
                112,
                120,
                257,
                109,
                112,
                120,
                102,
                115,
                270,
                111,
                102,
                120,
                102,
                116,
                117,
                257,
                120,
                106,
                101,
                102,
                115,
                263,
            ],
            [257, 262, 231, 151, 136, 257, 261, 257, 102, 205, 130, 257, 264, 121, 265, 257, 50, 51, 52, 53, 54],
            [257, 73, 102, 109, 109, 112, 257, 264, 116, 265],
        ],
    ),
    "characters with unknown": (
        "c-oCqzi-n(6gF-6p+HN^@9}gKv{scAfshr7RH+qXM5o9J*4e(KR@}2WpJ_{Cv9PkxjfI&3AvVO?m4SZ&#Kefi#KL>_IdQ5ESbFjI"
        "-n;j{?>%3R+MUhz)<V5z7zUX)j9W(Wtn2rpevhb3LryK~?J~(c#brWG8Z!k*K-lhfWw)z(W3qDlk!3$6h0omH*oGgna%Xi+R-q(`"
        "xfig|QPGf#gjyroO2u%4T8+%4sR+EtN1EpSwZ>Wl&P&exKn(Dph~yp%gBM&<%eHA-@|X)B&Jfx&ZTf`AA@ex+-E{rlgJzNFL0gYW"
        "8E_wa_#6o&LUkA;(++=@a*@~RB&f0{>1o%=up_#oWUi@XLXJo%E)>KFxRdhDL&djQ7`n_GR^!`g!mB=ZjOlC}Se9ZEa1&7!<Bo8g"
        "-E=Sj`aa4!v6j=On&xK)o31a`s4~ufj!$MMFUwIRG%dbyAxxxUXwp4cZ-^b>lNVX2D!#u-`>+xRFtwCSxk+7EozpLOX8}rh!4`-V"
        "_?;wm_ao^$K-CWpN)DLBiTX~SNz(o#lVzYP@gm9dTUR1V@!AbVv=3Su6YMB{peo{WF@cX8?3pwyFC|=O+)kF^f8@*wn**CaC052u"
        "d{+Cl6Y*LF6Xtry?|**&P;YH8moV^MLP#Eh6hMfO7W49_UT36asaKdUYQy-Yin@i0!bPp<9N1-Dk4lzw4sBWY!@4VA7qov>pGCV?"
        "vFl*xwcXHXk?SVd*SR0RI-mZ$ksrThf4?6e-F>@cJbe9bs}ntc_4xP8FaH2exHB9",
        "dc4334266c3b8b20ca920c0303d3ac9f692d4e5c6d637c1adef32bafe31e89ad",
        [[1, 0, 1, 0, 14, 0, 1, 0, 7], [1, 6, 0, 1, 5, 1, 0, 1, 8, 0, 9, 1, 0], [1, 0, 1, 8, 0, 9]],
    ),
    "clip": (
        "c-rmPcXSj*9Ki7qLMYP23IZl;@Q8PY1SxWaL_ok2LL@f4JB~|kE;-mM?CvFj+<_onIw~qE*icZhfxQ7L#ZCtc3R0D30YyRQyB9)u"
        "5C8M|kGYrMXXbu8J3BKwFMB(uU{J4uK1~`WB_t%wl{8FDFh3c|@v>pONT^h_h$<Aj5)fL6&=s2!_85lHf-;rubVhZ<qZuKeAu0^{"
        "EhkD&1idvf7CmY)q83d=EoCwSQH!cZE#9cZ=?quq#az~SEkEXpItDwPdOTf~vN|J~nOVZpKG*Khy#d1&l_$$?G?5-n$&EL)TC1x0"
        "@#<N6u|{ReYE3hX_PMD}XJI;ZIUPMLiv1qdZG?u2psv^}mF$|6ismTx&K<LCGFv^Zc&=m2rbL4N;*gi+$?B4knUN{`(}c(C50=nT"
        "Fr)=Ms(+-=6uZNr<oE5ZxNHt(pa`p;V$oAoWpf53ixl%nUZ`AX#U5QKE|*R5sh*Ov56E%4Yp>#p$$=DmG|ex+$ktxLkTj~sh%jU8"
        "HNp^iqD*i-kJsxCYr^NRaO+_?3dQd8sJgHzhUO2rLq4A_40%yQi^yC=7j8|Ih>CbZUZ*rtQX*&PGtWG8hSirV6vHDTC>z*n9G87M"
        "s#~xUF<bT5ss*XJw<=}Qyl#Afm|-Yrh@c@eDK*bMy<{<$Y$c}_zmxwwCfTIA#Tlb246A<Q?1T6(b~=+R5~ZFpe@HVIB@il;chsi%"
        "gJnW9PThik|E{ub0l8&VW*i9)i!UIvK4Z(v4au3ZL3Qs%atLl&SBpHwr?cECe=s7qiCd2pm4~!bV^i$Gh^pEY*{d9r+dQI2eC81)"
        "yF+=75@Ro$dD-Sv(x!N|P*^`TGjq&!<iDocsEykAe@4C9sEykA-v)0h^<~tRkyQ1%l3XKizQxo@teaFXxqgF&jm~M@q-nF}=e9WS"
        "{0lC;=;D^GE@|DS?WHNH%4KQoF1NH#zrt#}GNVIgR>!M4b?(yj>TdS#**$V{uj$#V_qBcc_Pg%-8*a?&pFg1Brh$bw-*W41w-36*"
        ";dBjl5AhTgdxfv0)IW5X8VH8M!!_NAl$BSE7+D#OjT(LDn6Y<_8$V&<q{&n6o;q#%jG41$&$;K``{v&Nz=QK1dias~3m$#!@h6^K"
        "_|(&j7C-asb4#9o;l-C;Ub^g+S6_SmjW^$V`<-{+TfSoD`yYI`YW146AAS7Er=NZP#k%zyHg4LyW$U&tzxw){?caX4W9Rp~cJJA{"
        "Z~qTJ9yoaD@R6T>{^i%B$A0_$_#c0sIQdrszn<zqBGiQ>s0YbV9~wYIXawg#V`u_Rp&2xXbD;&C2j{~Da3Nd-7eh;E1(!f;XajBG"
        "Qb>VR^Cuo$25Ha^E(Z&=hjh3CtYCvHAp<%<CS*ZJxC%N!XXpZ5;cDmxcIXb-&;xQH7p{Sx&<lFQwa^FpLO-|;u7?}oM#zKykPic("
        "0B(YTPzX1}EpRK`2Dif?xC0#E1Q!ejHw*y}6hSd~L4XfRpcMQt6o!Ec0SH0}!Y~{((7}KRltDREzz7%#l@Ns(jDpc{Cyarya2Je&"
        "@h|}<!X%gsQ{Zlx3e#XZ%z&9N3ueO{xCicq`(Q5I4-deDFb^Jrhv5;J4-4Q?cnltgC*Vm~2v5P&um~2zGw>`t2TS02cmZC7m*8bs"
        "3d`UXcoklQ*WnF#6W)Ti;T?Dv-h<_^0#?HN@Bw@Xt6(*(fwk}vd<>t!r|=nk4qw1JSPvUuBW!}rum!flHuw_0g0JBl*bd*qcd!F?"
        "!uPNXcEcXn3;SR{`~W|~0XPVU;4mD4pWtWs1%8F2a14Hf-{Cm?0e`{?I0=85dpx9u%Hx%C`6mc-XIspzoyx~tSo7Yh@_`XbsCtCR"
        "D6hi<q^eGl7!ScyCovwHY?CBQi_Gb=UQgCj6XKDa7>`t$uP@7$GPg+98_4>x?adc<KYV0e(wv!7Gq<kjucxOiZabw*seMA>jy=tn"
        "EdCqcF6>J",
        "1baf959f93b0ea6ce330c4b1208943a07fa84f83a3bfc82c806f8ffaab0d8a83",
        [
            [513, 516, 110, 101, 119, 101, 115, 372, 119, 105, 100, 101, 370],
            [228, 184, 173, 230, 150, 391, 520, 520, 316, 376, 318, 305, 306, 307, 308, 309],
            [104, 101, 108, 108, 367, 316, 371, 318],
        ],
    ),
    "whole words": (
        "c-osB5a|@)%FD&Xz`!8M$iTn`#2~;ArP&}9L$y*-X-=w=l~QhMQF>~zl8#bAVo6DAQ65l8UBligx;Q1bB(^3er=~2mrYKdjM!`NN"
        "rl8uVR$Cj&^n);?<6>fpAyN?0SfDUaNLyP4OljCF#>50`g4jSyiVIScGZS;-OY*Z*^NN+Ms%v$WO7k+4^HV@>F*MUN&@%ukE6>Q!"
        "NsTYhFG>NbDJd#V)lo`LEGo)OO#y0AN=XH&F9I=3DhogwohnOGeNxL(bAWmiQ&Qp!ic-@uE8>d_5|e?_X^A<-Kod%eGIQhe)6$Al"
        "OW>xK7N^D+rKYD=Km=-QYeC^OibwG%9+?<aa56(_7AOtE42(?7EUawo9GqO-JiL7T0)j%qBBEmA5|UEVGO}{=3W`d~DynMg8k$<#"
        "I=XuL28Kq)CZ=ZQ7M51lHnw*54vtRFF0O9w9-dy_KE8hb0f9lmA)#U65s^{RF|l#+35iL`DXD4c8JStxIk|cH1%*Y$C8cHM6_r)h"
        "HMMp14UJ9BEv;?s9i3g>J-vPX6DCfYJZ0*%=`&`|nmuRky!i_jE?T@~>9XZ3R<2sTX6?H58#Zp*yk+aQ?K^hv+P!D*zWoOd9y)yF"
        "=&|D`PM$h_=Ipui7cO49eC6u3>o;!Rx_#&Fz55RyK6?D*>9glAUcP$$=Iy)pA3lEi{N?Mn?>~P2`u*qczyCS;Ir-(OMG8PNF-buo"
        "2N)vx42W<m2T?#e6-XC>f(*!3fQm5#aUzhN1PW59I0&->*;hEfu4Y}gcD?3#N&EGmib4-$w(I1cT*&-9YhCM`z6mn`b?p98",
        "cf3eb6c3e618e03f246c21a21650a10af5ad83249c8711c835a1c7c53994370b",
        [
            [257, 259, 258, 32, 32, 110, 101, 119, 101, 115, 116, 32, 119, 105, 100, 258, 10],
            [228, 184, 173, 230, 150, 135, 32, 195, 169, 32, 101, 204, 129, 32, 60, 120, 62, 32, 49, 50, 51, 52, 53],
            [72, 101, 108, 256, 32, 60, 115, 62],
        ],
    ),
    "normal form and names": (
        "c-osB5a|@)%FD&Xz`&5g$iTn`#2~;ArP&}9L$y*-X-=w=l~QhMQF>~zl8#bAVo6DAQ65l8UBligx;Q1bB(^3er=~2mrYKdjM!`NN"
        "rl8uVR$Cj&^n);?<6>fpAyN?0SfDUaNLyP4OljCF#>50`g4jSyiVIScGZS;-OY*Z*^NN+Ms+DYt?UbyH%#3SwluGk5lk-zRjxsdU"
        "Gte^tsxL}SOv%hk2Pw?UFUn2K$*f8(0xIxxa|X&Lrlh2%Ae&VIHp>WTR$5MCIzlX3DW|xkD6>E*wiYOtoLE$pnVJHUO-TjWSOj90"
        "R2G1&cB(8%^+_#D&4HL7Ur>~qmRS*BT#%Ryluk>`DNfZ<0-BW@pP!aioLU03q@<`6C{|jW8ef!}o>~DBsI9F91^Fl*#iMv+Vo({("
        "45eA1Gzc>=GBLBTvaxe;a&hzU^6?7@3JHsdiit}|N=eJe%E>DzDk-a|s;O&eYH91}>ggL88X23InweWzT3OrJ+SxleIyt+zy19FJ"
        "dU^Z!`uPV01_g(NhJ{B&Mn%WO#>FQjCMBn&rln_OW@YE(=H(X@78RG2mX%jjR#n&3*3~yOHZ`}jwzYS3c6Imk_VrJgIBD{fsne#<"
        "m^o|qoVoMnFIc!}@sg#>maka3YW146>(+1BxM}m2t=qQm*tu)>p1u3_A2@jE@R6g(j-NPr>hzhj=gwcac<J($tJkjIxOwaLoxAt$"
        "KX~})@sp>|p1*kc>h+tq@7{m-`04YPuiw7^`1$MipTGb9=j7+)m!}pf0LjE81%(`7h~zUM!mS)c0qImAT?7g;AX@<{#tg)XKz0%+"
        "NTK2&%nD>{ec<LUSY5}JzwlGsCL`A!IgIQ!C8njPCibnV)0K)02LK<<5eN",
        "ded6c99683f7cbbbbabeda3dae331fe5b44665cf2c1946a2612e819313667972",
        [
            [257, 259, 258, 32, 32, 110, 101, 119, 101, 115, 116, 32, 119, 105, 100, 258, 10],
            [228, 184, 173, 230, 150, 135, 32, 195, 169, 32, 195, 169, 262, 32, 49, 50, 51, 52, 53],
            [72, 101, 108, 256, 32, 60, 115, 62],
        ],
    ),
}
